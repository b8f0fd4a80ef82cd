<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="es" sourcelanguage="en">
<context>
    <name>Amounts</name>
    <message>
        <source>%1 s</source>
        <translation>%1 s</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 min</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 h %2 min</translation>
    </message>
    <message>
        <source>%1 million</source>
        <translation>%1 millones</translation>
    </message>
</context>
<context>
    <name>SettingWords</name>
    <message>
        <source>Leave a GPU that others use, in percent</source>
        <translation>Dejar una GPU que otros usan, en porcentaje</translation>
    </message>
    <message>
        <source>From so much of its time on. 0: never.</source>
        <translation>Desde esa parte de su tiempo. 0: nunca.</translation>
    </message>
    <message>
        <source>When nothing tells whether I am here</source>
        <translation>Cuando nada indica si estoy aquí</translation>
    </message>
    <message>
        <source>What goes on while I use the computer</source>
        <translation>Lo que sigue mientras uso el ordenador</translation>
    </message>
    <message>
        <source>cpu, and GPUs by their ids, separated by commas.</source>
        <translation>cpu y las GPU por su identificador, separadas por comas.</translation>
    </message>
    <message>
        <source>Pause while a program fills the screen</source>
        <translation>Pausar mientras un programa ocupa toda la pantalla</translation>
    </message>
    <message>
        <source>Pause while other programs wait for the computer</source>
        <translation>Pausar mientras otros programas esperan al ordenador</translation>
    </message>
    <message>
        <source>On a metered network</source>
        <translation>En una red de uso medido</translation>
    </message>
    <message>
        <source>Priority of engines</source>
        <translation>Prioridad de los motores</translation>
    </message>
    <message>
        <source>Disk space that stays free, in GB</source>
        <translation>Espacio en disco que queda libre, en GB</translation>
    </message>
    <message>
        <source>Below it, work is paused.</source>
        <translation>Por debajo, el trabajo se pausa.</translation>
    </message>
    <message>
        <source>Keep the computer awake while it works</source>
        <translation>Mantener despierto el ordenador mientras trabaja</translation>
    </message>
    <message>
        <source>Dedicated: nobody else uses this computer</source>
        <translation>Dedicado: nadie más usa este ordenador</translation>
    </message>
    <message>
        <source>After all other programs</source>
        <translation>Después de todos los demás programas</translation>
    </message>
    <message>
        <source>As other programs</source>
        <translation>Como los demás programas</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, in GB</source>
        <translation>Memoria de GPU para GoGrid, en GB</translation>
    </message>
    <message>
        <source>Of all GPUs together. Empty: all they have. 0: use no GPU.</source>
        <translation>De todas las GPU juntas. Vacío: toda. 0: no usar GPU.</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, by GPU</source>
        <translation>Memoria de GPU para GoGrid, por GPU</translation>
    </message>
    <message>
        <source>Highest GPU load, in percent</source>
        <translation>Carga máxima de la GPU, en porcentaje</translation>
    </message>
    <message>
        <source>GoGrid rests in between, so that it uses no more than this over time.</source>
        <translation>GoGrid descansa a ratos para no usar más que esto a lo largo del tiempo.</translation>
    </message>
    <message>
        <source>Highest GPU temperature, in °C</source>
        <translation>Temperatura máxima de la GPU, en °C</translation>
    </message>
    <message>
        <source>Software GPUs</source>
        <translation>GPU por software</translation>
    </message>
    <message>
        <source>A program of mine as the engine</source>
        <translation>Un programa propio como motor</translation>
    </message>
    <message>
        <source>A llama-server on this computer, instead of the coordinator&apos;s.</source>
        <translation>Un llama-server de este equipo, en lugar del que da el coordinador.</translation>
    </message>
    <message>
        <source>How long an engine may take to start</source>
        <translation>Cuánto puede tardar en arrancar un motor</translation>
    </message>
    <message>
        <source>How long an engine may give no sign of life</source>
        <translation>Cuánto puede estar un motor sin dar señales de vida</translation>
    </message>
    <message>
        <source>Then it is started again.</source>
        <translation>Después se vuelve a arrancar.</translation>
    </message>
    <message>
        <source>How much is logged</source>
        <translation>Cuánto se registra</translation>
    </message>
    <message>
        <source>How log lines are written</source>
        <translation>Formato de las líneas del registro</translation>
    </message>
    <message>
        <source>Manners</source>
        <translation>Modales</translation>
    </message>
    <message>
        <source>Sets everything that you do not set yourself.</source>
        <translation>Define todo lo que usted no define.</translation>
    </message>
    <message>
        <source>Pause while I use the computer</source>
        <translation>Pausar mientras uso el equipo</translation>
    </message>
    <message>
        <source>Seconds until I am away</source>
        <translation>Segundos hasta considerarme ausente</translation>
    </message>
    <message>
        <source>So long after the last key or movement work goes on.</source>
        <translation>El trabajo sigue tanto tiempo después de la última tecla o movimiento.</translation>
    </message>
    <message>
        <source>Pause while these apps run</source>
        <translation>Pausar mientras se ejecuten estas aplicaciones</translation>
    </message>
    <message>
        <source>Names of programs, separated by commas: blender, steam</source>
        <translation>Nombres de programas, separados por comas: blender, steam</translation>
    </message>
    <message>
        <source>What runs when a pause begins</source>
        <translation>Lo que se ejecuta al empezar una pausa</translation>
    </message>
    <message>
        <source>Hours in which work is allowed</source>
        <translation>Horas en que se permite trabajar</translation>
    </message>
    <message>
        <source>Days, hours or both, separated by semicolons: mon-fri 18:00-08:00; sat,sun. Empty: always.</source>
        <translation>Días, horas o ambos, separados por punto y coma: mon-fri 18:00-08:00; sat,sun. Vacío: siempre.</translation>
    </message>
    <message>
        <source>On battery</source>
        <translation>Con batería</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>Coordinador</translation>
    </message>
    <message>
        <source>Its name or address. Empty: the one that this computer joined.</source>
        <translation>Su nombre o dirección. Vacío: aquel al que se unió este equipo.</translation>
    </message>
    <message>
        <source>Coordinator&apos;s port</source>
        <translation>Puerto del coordinador</translation>
    </message>
    <message>
        <source>Go on without a connection for</source>
        <translation>Seguir sin conexión durante</translation>
    </message>
    <message>
        <source>Memory for GoGrid, in GB</source>
        <translation>Memoria para GoGrid, en GB</translation>
    </message>
    <message>
        <source>0: what the computer has, less a reserve.</source>
        <translation>0: la que tiene el equipo, menos una reserva.</translation>
    </message>
    <message>
        <source>Processor time for GoGrid, in percent</source>
        <translation>Tiempo de procesador para GoGrid, en porcentaje</translation>
    </message>
    <message>
        <source>Processor threads for a model</source>
        <translation>Hilos de procesador por modelo</translation>
    </message>
    <message>
        <source>0: as many as suit it.</source>
        <translation>0: los que le convengan.</translation>
    </message>
    <message>
        <source>Disk space for models, in GB</source>
        <translation>Espacio en disco para modelos, en GB</translation>
    </message>
    <message>
        <source>0: all but what stays free for others.</source>
        <translation>0: todo salvo lo que queda libre para lo demás.</translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation>Carpeta de modelos</translation>
    </message>
    <message>
        <source>Empty: beside GoGrid&apos;s own files.</source>
        <translation>Vacío: junto a los archivos de GoGrid.</translation>
    </message>
    <message>
        <source>When stopped, finish what runs for</source>
        <translation>Al detenerse, terminar lo que se ejecuta durante</translation>
    </message>
    <message>
        <source>Name of this computer</source>
        <translation>Nombre de este equipo</translation>
    </message>
    <message>
        <source>What the coordinator calls it. Empty: its own name.</source>
        <translation>Como lo llama el coordinador. Vacío: su propio nombre.</translation>
    </message>
    <message>
        <source>Cautious: never in the way</source>
        <translation>Prudente: nunca estorba</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>Equilibrado</translation>
    </message>
    <message>
        <source>Eager: works whenever it can</source>
        <translation>Activo: trabaja siempre que puede</translation>
    </message>
    <message>
        <source>Goes on at another machine</source>
        <translation>Continúa en otro equipo</translation>
    </message>
    <message>
        <source>Is finished first</source>
        <translation>Se termina antes</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausar</translation>
    </message>
    <message>
        <source>Work</source>
        <translation>Trabajar</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Activity</source>
        <translation>Actividad</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Horario</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Red</translation>
    </message>
    <message>
        <source>Limits</source>
        <translation>Límites</translation>
    </message>
    <message>
        <source>General</source>
        <translation>General</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>Avanzado</translation>
    </message>
    <message>
        <source>Set by the variable %1; it cannot be changed here.</source>
        <translation>Definido por la variable %1; aquí no se puede cambiar.</translation>
    </message>
    <message>
        <source>Set when the worker was started, by %1; it cannot be changed here.</source>
        <translation>Definido al arrancar el worker, con %1; aquí no se puede cambiar.</translation>
    </message>
    <message>
        <source>Hotter than this, work is paused until the GPU has cooled down. 0: never.</source>
        <translation>Por encima se pausa el trabajo hasta que la GPU se enfríe. 0: nunca.</translation>
    </message>
    <message>
        <source>Of all processors together. 0: as much as nobody else needs.</source>
        <translation>De todos los procesadores juntos. 0: lo que nadie más necesite.</translation>
    </message>
    <message>
        <source>Slow ones, to try things out on a computer without a GPU.</source>
        <translation>Lentas, para probar en un equipo sin GPU.</translation>
    </message>
    <message>
        <source>The schedule cannot be used: %1</source>
        <translation>El horario no se puede usar: %1</translation>
    </message>
    <message>
        <source>It must be a whole path, from / or ~/ on.</source>
        <translation>Debe ser una ruta completa, desde / o ~/.</translation>
    </message>
    <message>
        <source>It must be a time from %1 to %2, such as 30s or 5m.</source>
        <translation>Debe ser una duración de %1 a %2, como 30s o 5m.</translation>
    </message>
    <message>
        <source>It must be a time of at least %1, such as 30s or 5m.</source>
        <translation>Debe ser una duración de al menos %1, como 30s o 5m.</translation>
    </message>
    <message>
        <source>It must be a time of at most %1, such as 30s or 5m.</source>
        <translation>Debe ser una duración de %1 como máximo, por ejemplo 30s o 5m.</translation>
    </message>
    <message>
        <source>It must be a time, such as 30s or 5m.</source>
        <translation>Debe ser una duración, como 30s o 5m.</translation>
    </message>
    <message>
        <source>It must be 0, or a number from %1 to %2.</source>
        <translation>Debe ser 0 o un número de %1 a %2.</translation>
    </message>
    <message>
        <source>It must be a whole number from %1 to %2.</source>
        <translation>Debe ser un número entero de %1 a %2.</translation>
    </message>
    <message>
        <source>It must be a number from %1 to %2.</source>
        <translation>Debe ser un número de %1 a %2.</translation>
    </message>
</context>
<context>
    <name>StatusWords</name>
    <message>
        <source>you paused it</source>
        <translation>usted lo pausó</translation>
    </message>
    <message>
        <source>the computer is going to sleep</source>
        <translation>el equipo va a suspenderse</translation>
    </message>
    <message>
        <source>an update is about to be installed</source>
        <translation>se va a instalar una actualización</translation>
    </message>
    <message>
        <source>outside the hours that you allow</source>
        <translation>fuera de las horas permitidas</translation>
    </message>
    <message>
        <source>the computer runs on battery</source>
        <translation>el equipo usa la batería</translation>
    </message>
    <message>
        <source>the GPU is too hot</source>
        <translation>la GPU está demasiado caliente</translation>
    </message>
    <message>
        <source>you are using the computer</source>
        <translation>usted está usando el equipo</translation>
    </message>
    <message>
        <source>an app from your list is running</source>
        <translation>se ejecuta una aplicación de su lista</translation>
    </message>
    <message>
        <source>an app fills the screen</source>
        <translation>una aplicación ocupa toda la pantalla</translation>
    </message>
    <message>
        <source>another program uses the GPU</source>
        <translation>otro programa usa la GPU</translation>
    </message>
    <message>
        <source>the processor is busy</source>
        <translation>el procesador está ocupado</translation>
    </message>
    <message>
        <source>memory is short</source>
        <translation>falta memoria</translation>
    </message>
    <message>
        <source>the network costs by use</source>
        <translation>la red se cobra por uso</translation>
    </message>
    <message>
        <source>the disk is nearly full</source>
        <translation>el disco está casi lleno</translation>
    </message>
    <message>
        <source>nothing tells whether you use the computer</source>
        <translation>nada indica si usa el equipo</translation>
    </message>
    <message>
        <source>Paused by you until %1</source>
        <translation>Pausado por usted hasta %1</translation>
    </message>
    <message>
        <source>Paused by you</source>
        <translation>Pausado por usted</translation>
    </message>
    <message>
        <source>Paused: %1</source>
        <translation>En pausa: %1</translation>
    </message>
    <message>
        <source>Cannot work: %1</source>
        <translation>No puede trabajar: %1</translation>
    </message>
    <message>
        <source>Finishing what runs, then stopping</source>
        <translation>Termina lo que se ejecuta y se detiene</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>En pausa</translation>
    </message>
    <message>
        <source>Connecting to %1</source>
        <translation>Conectando con %1</translation>
    </message>
    <message>
        <source>No connection to %1</source>
        <translation>Sin conexión con %1</translation>
    </message>
    <message>
        <source>Working on one request</source>
        <translation>Trabaja en una petición</translation>
    </message>
    <message>
        <source>Working on %1 requests</source>
        <translation>Trabaja en %1 peticiones</translation>
    </message>
    <message>
        <source>%1 does not start</source>
        <translation>%1 no arranca</translation>
    </message>
    <message>
        <source>Ready, nothing to do</source>
        <translation>Listo, nada que hacer</translation>
    </message>
    <message>
        <source>and %1 more</source>
        <translation>y %1 más</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>listo</translation>
    </message>
    <message>
        <source>answers %1 of at most %2</source>
        <translation>responde %1 de un máximo de %2</translation>
    </message>
    <message>
        <source>is fetched, %1 %</source>
        <translation>se descarga, %1 %</translation>
    </message>
    <message>
        <source>is fetched</source>
        <translation>se descarga</translation>
    </message>
    <message>
        <source>is loaded into memory</source>
        <translation>se carga en memoria</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>espera</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>falló</translation>
    </message>
    <message>
        <source>leaves the memory</source>
        <translation>sale de la memoria</translation>
    </message>
    <message>
        <source>the schedule never allows work</source>
        <translation>el horario no permite trabajar nunca</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>el procesador</translation>
    </message>
    <message>
        <source>What runs is finished first</source>
        <translation>Antes se termina lo que está en marcha</translation>
    </message>
    <message>
        <source>Paused except on %1: %2</source>
        <translation>En pausa salvo en %1: %2</translation>
    </message>
    <message>
        <source>Paused on %1: %2</source>
        <translation>En pausa en %1: %2</translation>
    </message>
    <message>
        <source>It cannot see whether you use the computer (Settings, Activity)</source>
        <translation>No puede ver si usted usa el equipo (Ajustes, Actividad)</translation>
    </message>
    <message>
        <source>The settings file is wrong and not in force</source>
        <translation>El archivo de ajustes tiene un error y no se aplica</translation>
    </message>
    <message>
        <source>The computer is not kept awake</source>
        <translation>El ordenador no se mantiene despierto</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Chart</name>
    <message>
        <source>not known</source>
        <translation>desconocido</translation>
    </message>
    <message>
        <source>up to %1</source>
        <translation>hasta %1</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::DaemonConnection</name>
    <message>
        <source>The worker is not running.</source>
        <translation>El worker no está en marcha.</translation>
    </message>
    <message>
        <source>The worker runs as another user; this one may not talk to it.</source>
        <translation>El worker se ejecuta con otro usuario; este no puede comunicarse con él.</translation>
    </message>
    <message>
        <source>The worker&apos;s answer cannot be read. Is it another version?</source>
        <translation>La respuesta del worker no se puede leer. ¿Es otra versión?</translation>
    </message>
    <message>
        <source>The worker&apos;s answer is too long. Is it another version?</source>
        <translation>La respuesta del worker es demasiado larga. ¿Es otra versión?</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Joining</name>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker no está instalado.</translation>
    </message>
    <message>
        <source>gogrid-worker join ended with code %1.</source>
        <translation>gogrid-worker join terminó con el código %1.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Program</name>
    <message>
        <source>GoGrid: %1</source>
        <translation>GoGrid: %1</translation>
    </message>
    <message>
        <source>A private network that runs AI models on machines that their owners lend it.</source>
        <translation>Una red privada que ejecuta modelos de IA en los equipos que sus dueños le prestan.</translation>
    </message>
    <message>
        <source>Version of this program: %1</source>
        <translation>Versión de este programa: %1</translation>
    </message>
    <message>
        <source>Version of the worker: %1</source>
        <translation>Versión del worker: %1</translation>
    </message>
    <message>
        <source>State: %1</source>
        <translation>Estado: %1</translation>
    </message>
    <message>
        <source>About GoGrid</source>
        <translation>Acerca de GoGrid</translation>
    </message>
    <message>
        <source>GoGrid</source>
        <translation>GoGrid</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Cerrar</translation>
    </message>
    <message>
        <source>Quit GoGrid</source>
        <translation>Salir de GoGrid</translation>
    </message>
    <message>
        <source>Should the worker keep running?</source>
        <translation>¿Debe seguir en marcha el worker?</translation>
    </message>
    <message>
        <source>It works without this icon too. Stopped, it first finishes what it runs, and takes no more.</source>
        <translation>También funciona sin este icono. Si se detiene, termina antes lo que ejecuta y no acepta nada más.</translation>
    </message>
    <message>
        <source>&amp;Keep it running</source>
        <translation>&amp;Seguir en marcha</translation>
    </message>
    <message>
        <source>&amp;Stop it too</source>
        <translation>Detenerlo &amp;también</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>Ca&amp;ncelar</translation>
    </message>
    <message>
        <source>The worker ended.</source>
        <translation>El worker terminó.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::ScheduleEditor</name>
    <message>
        <source>With this schedule GoGrid never works.</source>
        <translation>Con este horario GoGrid no trabaja nunca.</translation>
    </message>
    <message>
        <source>Filled hours allow work. Drag over hours to change them; or go there with the arrow keys and press Space.</source>
        <translation>En las horas rellenas se puede trabajar. Para cambiarlas, arrastre el ratón sobre ellas, o vaya con las flechas y pulse Espacio.</translation>
    </message>
    <message>
        <source>Hours of the week</source>
        <translation>Horas de la semana</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingField</name>
    <message>
        <source>Takes effect when the worker starts again.</source>
        <translation>Se aplica cuando el worker vuelva a arrancar.</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>sin definir</translation>
    </message>
    <message>
        <source>always</source>
        <translation>siempre</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingsWindow</name>
    <message>
        <source>&amp;Save</source>
        <translation>&amp;Guardar</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Cerrar</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Ajustes</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>Páginas</translation>
    </message>
    <message>
        <source>The worker is not running.</source>
        <translation>El worker no está en marcha.</translation>
    </message>
    <message>
        <source>Reading the settings…</source>
        <translation>Leyendo los ajustes…</translation>
    </message>
    <message>
        <source>Start GoGrid when I log in</source>
        <translation>Iniciar GoGrid al iniciar sesión</translation>
    </message>
    <message>
        <source>The settings file %1 is wrong, so the worker uses what it last knew: %2</source>
        <translation>El archivo de ajustes %1 es erróneo; el worker usa lo último que conocía: %2</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>Guardado.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SetupWizard</name>
    <message>
        <source>&amp;Join</source>
        <translation>&amp;Unirse</translation>
    </message>
    <message>
        <source>Start GoGrid when I &amp;log in</source>
        <translation>Iniciar GoGrid al iniciar &amp;sesión</translation>
    </message>
    <message>
        <source>Set up GoGrid</source>
        <translation>Configurar GoGrid</translation>
    </message>
    <message>
        <source>Lend this computer to a GoGrid</source>
        <translation>Prestar este equipo a un GoGrid</translation>
    </message>
    <message>
        <source>Whoever runs the coordinator gives you a join token, with the command “gogrid token create”. Paste it here, or all of what the command printed.</source>
        <translation>Quien lleva el coordinador le da un token de unión, con la orden «gogrid token create». Péguelo aquí, o todo lo que mostró la orden.</translation>
    </message>
    <message>
        <source>Join token</source>
        <translation>Token de unión</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>Coordinador</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Puerto</translation>
    </message>
    <message>
        <source>Join &amp;token</source>
        <translation>&amp;Token de unión</translation>
    </message>
    <message>
        <source>&amp;Coordinator</source>
        <translation>&amp;Coordinador</translation>
    </message>
    <message>
        <source>&amp;Port</source>
        <translation>&amp;Puerto</translation>
    </message>
    <message>
        <source>C&amp;ancel</source>
        <translation>C&amp;ancelar</translation>
    </message>
    <message>
        <source>This computer has joined</source>
        <translation>Este equipo se ha unido</translation>
    </message>
    <message>
        <source>GoGrid now works while you do not need the computer, and steps aside when you do. How, you choose in the settings.</source>
        <translation>GoGrid trabaja ahora cuando usted no necesita el equipo y se aparta cuando lo necesita. Cómo, lo elige en los ajustes.</translation>
    </message>
    <message>
        <source>&amp;Done</source>
        <translation>&amp;Listo</translation>
    </message>
    <message>
        <source>Joining…</source>
        <translation>Uniéndose…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::StatisticsWindow</name>
    <message>
        <source>Statistics</source>
        <translation>Estadísticas</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Cerrar</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Hoy</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 días</translation>
    </message>
    <message>
        <source>In all</source>
        <translation>En total</translation>
    </message>
    <message>
        <source>Jobs and requests</source>
        <translation>Trabajos y peticiones</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Tokens</translation>
    </message>
    <message>
        <source>Time given</source>
        <translation>Tiempo cedido</translation>
    </message>
    <message>
        <source>What this computer has done</source>
        <translation>Lo que ha hecho este equipo</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>&amp;Live</source>
        <translation>En &amp;vivo</translation>
    </message>
    <message>
        <source>&amp;24 hours</source>
        <translation>&amp;24 horas</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>Carga</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>Memoria en uso</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>Temperatura</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>Potencia</translation>
    </message>
    <message>
        <source>Why work was paused, last 7 days</source>
        <translation>Por qué se pausó el trabajo, últimos 7 días</translation>
    </message>
    <message>
        <source>No GPU was found</source>
        <translation>No se encontró ninguna GPU</translation>
    </message>
    <message>
        <source>It was not paused.</source>
        <translation>No se pausó.</translation>
    </message>
    <message>
        <source>2 min ago</source>
        <translation>hace 2 min</translation>
    </message>
    <message>
        <source>24 h ago</source>
        <translation>hace 24 h</translation>
    </message>
    <message>
        <source>now</source>
        <translation>ahora</translation>
    </message>
    <message>
        <source>Also when only a part of the computer was paused, such as a GPU. Reasons that hold at the same time count each.</source>
        <translation>También cuando solo una parte del equipo estaba en pausa, como una GPU. Los motivos simultáneos cuentan cada uno.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::StatusWindow</name>
    <message>
        <source>GoGrid</source>
        <translation>GoGrid</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pausar</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Reanudar</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>Iniciar el &amp;worker</translation>
    </message>
    <message>
        <source>&amp;Menu</source>
        <translation>&amp;Menú</translation>
    </message>
    <message>
        <source>This desktop has no place for tray icons, so GoGrid stays here as a window. When you close it, the worker goes on as it is.</source>
        <translation>Este escritorio no tiene bandeja de iconos, así que GoGrid se queda aquí como ventana. Al cerrarla, el worker sigue como está.</translation>
    </message>
    <message>
        <source>%1 at %2</source>
        <translation>%1 en %2</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::TrayMenu</name>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pausar</translation>
    </message>
    <message>
        <source>For one &amp;hour</source>
        <translation>Durante una &amp;hora</translation>
    </message>
    <message>
        <source>Until &amp;tomorrow</source>
        <translation>Hasta &amp;mañana</translation>
    </message>
    <message>
        <source>Until I &amp;resume</source>
        <translation>Hasta que &amp;reanude</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Reanudar</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>Iniciar el &amp;worker</translation>
    </message>
    <message>
        <source>&amp;Join a coordinator…</source>
        <translation>&amp;Unirse a un coordinador…</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>&amp;Ajustes…</translation>
    </message>
    <message>
        <source>S&amp;tatistics…</source>
        <translation>Es&amp;tadísticas…</translation>
    </message>
    <message>
        <source>&amp;About GoGrid</source>
        <translation>A&amp;cerca de GoGrid</translation>
    </message>
    <message>
        <source>&amp;Quit…</source>
        <translation>&amp;Salir…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::VramField</name>
    <message>
        <source>Memory of %1 (%2) for GoGrid</source>
        <translation>Memoria de %1 (%2) para GoGrid</translation>
    </message>
    <message>
        <source>GPUs show here once the worker has its engine and has found them.</source>
        <translation>Las GPU aparecen aquí cuando el worker tiene su motor y las ha encontrado.</translation>
    </message>
    <message>
        <source>all %1 GB</source>
        <translation>los %1 GB</translation>
    </message>
    <message>
        <source>not used</source>
        <translation>sin usar</translation>
    </message>
    <message>
        <source>%1 of %2 GB</source>
        <translation>%1 de %2 GB</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WeekModel</name>
    <message>
        <source>%1, hour from %2: no work</source>
        <translation>%1, hora desde las %2: sin trabajo</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed</source>
        <translation>%1, hora desde las %2: se permite trabajar</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed for %3 minutes</source>
        <translation>%1, hora desde las %2: se permite trabajar %3 minutos</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerModel</name>
    <message>
        <source>The worker does not answer.</source>
        <translation>El worker no responde.</translation>
    </message>
    <message>
        <source>Asking the worker…</source>
        <translation>Preguntando al worker…</translation>
    </message>
    <message>
        <source>Starting the worker…</source>
        <translation>Iniciando el worker…</translation>
    </message>
    <message>
        <source>Looking for the worker…</source>
        <translation>Buscando el worker…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerStarter</name>
    <message>
        <source>systemd did not start the worker.</source>
        <translation>systemd no inició el worker.</translation>
    </message>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker no está instalado.</translation>
    </message>
    <message>
        <source>%1 cannot be started.</source>
        <translation>%1 no se puede iniciar.</translation>
    </message>
</context>
</TS>
