<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
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
        <translation>%1 Mio.</translation>
    </message>
</context>
<context>
    <name>SettingWords</name>
    <message>
        <source>Leave a GPU that others use, in percent</source>
        <translation>Eine GPU verlassen, die andere benutzen, in Prozent</translation>
    </message>
    <message>
        <source>From so much of its time on. 0: never.</source>
        <translation>Ab so viel ihrer Zeit. 0: nie.</translation>
    </message>
    <message>
        <source>When nothing tells whether I am here</source>
        <translation>Wenn nichts sagt, ob ich da bin</translation>
    </message>
    <message>
        <source>What goes on while I use the computer</source>
        <translation>Was weiterläuft, während ich den Computer benutze</translation>
    </message>
    <message>
        <source>cpu, and GPUs by their ids, separated by commas.</source>
        <translation>cpu und GPUs mit ihren Kennungen, durch Kommas getrennt.</translation>
    </message>
    <message>
        <source>Pause while a program fills the screen</source>
        <translation>Pause, solange ein Programm den Bildschirm füllt</translation>
    </message>
    <message>
        <source>Pause while other programs wait for the computer</source>
        <translation>Pause, solange andere Programme auf den Computer warten</translation>
    </message>
    <message>
        <source>On a metered network</source>
        <translation>In einem getakteten Netz</translation>
    </message>
    <message>
        <source>Priority of engines</source>
        <translation>Vorrang der Engines</translation>
    </message>
    <message>
        <source>Disk space that stays free, in GB</source>
        <translation>Plattenplatz, der frei bleibt, in GB</translation>
    </message>
    <message>
        <source>Below it, work is paused.</source>
        <translation>Darunter ruht die Arbeit.</translation>
    </message>
    <message>
        <source>Keep the computer awake while it works</source>
        <translation>Den Computer wach halten, während er arbeitet</translation>
    </message>
    <message>
        <source>Dedicated: nobody else uses this computer</source>
        <translation>Eigens dafür: niemand sonst benutzt diesen Computer</translation>
    </message>
    <message>
        <source>After all other programs</source>
        <translation>Nach allen anderen Programmen</translation>
    </message>
    <message>
        <source>As other programs</source>
        <translation>Wie andere Programme</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, in GB</source>
        <translation>GPU-Speicher für GoGrid, in GB</translation>
    </message>
    <message>
        <source>Of all GPUs together. Empty: all they have. 0: use no GPU.</source>
        <translation>Aller GPUs zusammen. Leer: alles. 0: keine GPU.</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, by GPU</source>
        <translation>GPU-Speicher für GoGrid, je GPU</translation>
    </message>
    <message>
        <source>Highest GPU load, in percent</source>
        <translation>Höchste GPU-Last, in Prozent</translation>
    </message>
    <message>
        <source>GoGrid rests in between, so that it uses no more than this over time.</source>
        <translation>GoGrid macht Pausen, so dass es über die Zeit nicht mehr nutzt.</translation>
    </message>
    <message>
        <source>Highest GPU temperature, in °C</source>
        <translation>Höchste GPU-Temperatur, in °C</translation>
    </message>
    <message>
        <source>Software GPUs</source>
        <translation>Software-GPUs</translation>
    </message>
    <message>
        <source>A program of mine as the engine</source>
        <translation>Eigenes Programm als Engine</translation>
    </message>
    <message>
        <source>A llama-server on this computer, instead of the coordinator&apos;s.</source>
        <translation>Ein llama-server auf diesem Computer statt dem des Koordinators.</translation>
    </message>
    <message>
        <source>How long an engine may take to start</source>
        <translation>So lange darf der Start einer Engine dauern</translation>
    </message>
    <message>
        <source>How long an engine may give no sign of life</source>
        <translation>So lange darf eine Engine kein Lebenszeichen geben</translation>
    </message>
    <message>
        <source>Then it is started again.</source>
        <translation>Danach wird sie neu gestartet.</translation>
    </message>
    <message>
        <source>How much is logged</source>
        <translation>Wie viel protokolliert wird</translation>
    </message>
    <message>
        <source>How log lines are written</source>
        <translation>Form der Protokollzeilen</translation>
    </message>
    <message>
        <source>Manners</source>
        <translation>Benehmen</translation>
    </message>
    <message>
        <source>Sets everything that you do not set yourself.</source>
        <translation>Bestimmt alles, was Sie nicht selbst festlegen.</translation>
    </message>
    <message>
        <source>Pause while I use the computer</source>
        <translation>Pausieren, während ich den Computer benutze</translation>
    </message>
    <message>
        <source>Seconds until I am away</source>
        <translation>Sekunden, bis ich als abwesend gelte</translation>
    </message>
    <message>
        <source>So long after the last key or movement work goes on.</source>
        <translation>So lange nach der letzten Taste oder Bewegung geht die Arbeit weiter.</translation>
    </message>
    <message>
        <source>Pause while these apps run</source>
        <translation>Pausieren, während diese Programme laufen</translation>
    </message>
    <message>
        <source>Names of programs, separated by commas: blender, steam</source>
        <translation>Namen von Programmen, durch Kommas getrennt: blender, steam</translation>
    </message>
    <message>
        <source>What runs when a pause begins</source>
        <translation>Was läuft, wenn eine Pause beginnt</translation>
    </message>
    <message>
        <source>Hours in which work is allowed</source>
        <translation>Zeiten, zu denen gearbeitet werden darf</translation>
    </message>
    <message>
        <source>Days, hours or both, separated by semicolons: mon-fri 18:00-08:00; sat,sun. Empty: always.</source>
        <translation>Tage, Uhrzeiten oder beides, durch Strichpunkte getrennt: mon-fri 18:00-08:00; sat,sun. Leer: immer.</translation>
    </message>
    <message>
        <source>On battery</source>
        <translation>Im Akkubetrieb</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>Koordinator</translation>
    </message>
    <message>
        <source>Its name or address. Empty: the one that this computer joined.</source>
        <translation>Sein Name oder seine Adresse. Leer: der, dem dieser Computer beigetreten ist.</translation>
    </message>
    <message>
        <source>Coordinator&apos;s port</source>
        <translation>Port des Koordinators</translation>
    </message>
    <message>
        <source>Go on without a connection for</source>
        <translation>Ohne Verbindung weitermachen für</translation>
    </message>
    <message>
        <source>Memory for GoGrid, in GB</source>
        <translation>Arbeitsspeicher für GoGrid, in GB</translation>
    </message>
    <message>
        <source>0: what the computer has, less a reserve.</source>
        <translation>0: was der Computer hat, abzüglich einer Reserve.</translation>
    </message>
    <message>
        <source>Processor time for GoGrid, in percent</source>
        <translation>Prozessorzeit für GoGrid, in Prozent</translation>
    </message>
    <message>
        <source>Processor threads for a model</source>
        <translation>Prozessor-Threads für ein Modell</translation>
    </message>
    <message>
        <source>0: as many as suit it.</source>
        <translation>0: so viele, wie ihm passen.</translation>
    </message>
    <message>
        <source>Disk space for models, in GB</source>
        <translation>Plattenplatz für Modelle, in GB</translation>
    </message>
    <message>
        <source>0: all but what stays free for others.</source>
        <translation>0: alles außer dem, was für anderes frei bleibt.</translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation>Ordner für Modelle</translation>
    </message>
    <message>
        <source>Empty: beside GoGrid&apos;s own files.</source>
        <translation>Leer: neben GoGrids eigenen Dateien.</translation>
    </message>
    <message>
        <source>When stopped, finish what runs for</source>
        <translation>Beim Anhalten Laufendes beenden, höchstens</translation>
    </message>
    <message>
        <source>Name of this computer</source>
        <translation>Name dieses Computers</translation>
    </message>
    <message>
        <source>What the coordinator calls it. Empty: its own name.</source>
        <translation>Wie der Koordinator ihn nennt. Leer: sein eigener Name.</translation>
    </message>
    <message>
        <source>Cautious: never in the way</source>
        <translation>Vorsichtig: nie im Weg</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>Ausgewogen</translation>
    </message>
    <message>
        <source>Eager: works whenever it can</source>
        <translation>Eifrig: arbeitet, wann immer es geht</translation>
    </message>
    <message>
        <source>Goes on at another machine</source>
        <translation>Geht auf einem anderen Rechner weiter</translation>
    </message>
    <message>
        <source>Is finished first</source>
        <translation>Wird zuerst beendet</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pausieren</translation>
    </message>
    <message>
        <source>Work</source>
        <translation>Arbeiten</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Activity</source>
        <translation>Aktivität</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>Zeitplan</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
    <message>
        <source>Limits</source>
        <translation>Grenzen</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>Erweitert</translation>
    </message>
    <message>
        <source>Set by the variable %1; it cannot be changed here.</source>
        <translation>Durch die Variable %1 gesetzt; hier nicht änderbar.</translation>
    </message>
    <message>
        <source>Set when the worker was started, by %1; it cannot be changed here.</source>
        <translation>Beim Start des Workers durch %1 gesetzt; hier nicht änderbar.</translation>
    </message>
    <message>
        <source>Hotter than this, work is paused until the GPU has cooled down. 0: never.</source>
        <translation>Darüber pausiert die Arbeit, bis die GPU abgekühlt ist. 0: nie.</translation>
    </message>
    <message>
        <source>Of all processors together. 0: as much as nobody else needs.</source>
        <translation>Aller Prozessoren zusammen. 0: so viel niemand sonst braucht.</translation>
    </message>
    <message>
        <source>Slow ones, to try things out on a computer without a GPU.</source>
        <translation>Langsame, zum Ausprobieren auf einem Computer ohne GPU.</translation>
    </message>
    <message>
        <source>The schedule cannot be used: %1</source>
        <translation>Der Zeitplan ist nicht brauchbar: %1</translation>
    </message>
    <message>
        <source>It must be a whole path, from / or ~/ on.</source>
        <translation>Es muss ein ganzer Pfad sein, ab / oder ~/.</translation>
    </message>
    <message>
        <source>It must be a time from %1 to %2, such as 30s or 5m.</source>
        <translation>Es muss eine Zeit von %1 bis %2 sein, zum Beispiel 30s oder 5m.</translation>
    </message>
    <message>
        <source>It must be a time of at least %1, such as 30s or 5m.</source>
        <translation>Es muss eine Zeit von mindestens %1 sein, zum Beispiel 30s oder 5m.</translation>
    </message>
    <message>
        <source>It must be a time of at most %1, such as 30s or 5m.</source>
        <translation>Es muss eine Zeit von höchstens %1 sein, zum Beispiel 30s oder 5m.</translation>
    </message>
    <message>
        <source>It must be a time, such as 30s or 5m.</source>
        <translation>Es muss eine Zeit sein, zum Beispiel 30s oder 5m.</translation>
    </message>
    <message>
        <source>It must be 0, or a number from %1 to %2.</source>
        <translation>Es muss 0 oder eine Zahl von %1 bis %2 sein.</translation>
    </message>
    <message>
        <source>It must be a whole number from %1 to %2.</source>
        <translation>Es muss eine ganze Zahl von %1 bis %2 sein.</translation>
    </message>
    <message>
        <source>It must be a number from %1 to %2.</source>
        <translation>Es muss eine Zahl von %1 bis %2 sein.</translation>
    </message>
</context>
<context>
    <name>StatusWords</name>
    <message>
        <source>you paused it</source>
        <translation>von Ihnen pausiert</translation>
    </message>
    <message>
        <source>the computer is going to sleep</source>
        <translation>der Computer geht schlafen</translation>
    </message>
    <message>
        <source>an update is about to be installed</source>
        <translation>ein Update wird gleich installiert</translation>
    </message>
    <message>
        <source>outside the hours that you allow</source>
        <translation>außerhalb der erlaubten Zeiten</translation>
    </message>
    <message>
        <source>the computer runs on battery</source>
        <translation>der Computer läuft mit Akku</translation>
    </message>
    <message>
        <source>the GPU is too hot</source>
        <translation>die GPU ist zu heiß</translation>
    </message>
    <message>
        <source>you are using the computer</source>
        <translation>Sie benutzen den Computer</translation>
    </message>
    <message>
        <source>an app from your list is running</source>
        <translation>ein Programm aus Ihrer Liste läuft</translation>
    </message>
    <message>
        <source>an app fills the screen</source>
        <translation>ein Programm füllt den Bildschirm</translation>
    </message>
    <message>
        <source>another program uses the GPU</source>
        <translation>ein anderes Programm nutzt die GPU</translation>
    </message>
    <message>
        <source>the processor is busy</source>
        <translation>der Prozessor ist ausgelastet</translation>
    </message>
    <message>
        <source>memory is short</source>
        <translation>der Speicher ist knapp</translation>
    </message>
    <message>
        <source>the network costs by use</source>
        <translation>das Netzwerk kostet nach Verbrauch</translation>
    </message>
    <message>
        <source>the disk is nearly full</source>
        <translation>die Festplatte ist fast voll</translation>
    </message>
    <message>
        <source>nothing tells whether you use the computer</source>
        <translation>nichts verrät, ob Sie den Computer benutzen</translation>
    </message>
    <message>
        <source>Paused by you until %1</source>
        <translation>Von Ihnen pausiert bis %1</translation>
    </message>
    <message>
        <source>Paused by you</source>
        <translation>Von Ihnen pausiert</translation>
    </message>
    <message>
        <source>Paused: %1</source>
        <translation>Pausiert: %1</translation>
    </message>
    <message>
        <source>Cannot work: %1</source>
        <translation>Kann nicht arbeiten: %1</translation>
    </message>
    <message>
        <source>Finishing what runs, then stopping</source>
        <translation>Beendet Laufendes und hält dann an</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Pausiert</translation>
    </message>
    <message>
        <source>Connecting to %1</source>
        <translation>Verbindung zu %1 wird aufgebaut</translation>
    </message>
    <message>
        <source>No connection to %1</source>
        <translation>Keine Verbindung zu %1</translation>
    </message>
    <message>
        <source>Working on one request</source>
        <translation>Arbeitet an einer Anfrage</translation>
    </message>
    <message>
        <source>Working on %1 requests</source>
        <translation>Arbeitet an %1 Anfragen</translation>
    </message>
    <message>
        <source>%1 does not start</source>
        <translation>%1 startet nicht</translation>
    </message>
    <message>
        <source>Ready, nothing to do</source>
        <translation>Bereit, nichts zu tun</translation>
    </message>
    <message>
        <source>and %1 more</source>
        <translation>und %1 weitere</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>bereit</translation>
    </message>
    <message>
        <source>answers %1 of at most %2</source>
        <translation>beantwortet %1 von höchstens %2</translation>
    </message>
    <message>
        <source>is fetched, %1 %</source>
        <translation>wird geholt, %1 %</translation>
    </message>
    <message>
        <source>is fetched</source>
        <translation>wird geholt</translation>
    </message>
    <message>
        <source>is loaded into memory</source>
        <translation>wird in den Speicher geladen</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>wartet</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <source>leaves the memory</source>
        <translation>verlässt den Speicher</translation>
    </message>
    <message>
        <source>the schedule never allows work</source>
        <translation>der Zeitplan erlaubt nie Arbeit</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>dem Prozessor</translation>
    </message>
    <message>
        <source>What runs is finished first</source>
        <translation>Was läuft, wird erst beendet</translation>
    </message>
    <message>
        <source>Paused except on %1: %2</source>
        <translation>Pausiert außer auf %1: %2</translation>
    </message>
    <message>
        <source>Paused on %1: %2</source>
        <translation>Pausiert auf %1: %2</translation>
    </message>
    <message>
        <source>It cannot see whether you use the computer (Settings, Activity)</source>
        <translation>Ob Sie den Computer benutzen, ist nicht zu erkennen (Einstellungen, Aktivität)</translation>
    </message>
    <message>
        <source>The settings file is wrong and not in force</source>
        <translation>Die Einstellungsdatei ist fehlerhaft und gilt nicht</translation>
    </message>
    <message>
        <source>The computer is not kept awake</source>
        <translation>Der Computer wird nicht wach gehalten</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Chart</name>
    <message>
        <source>not known</source>
        <translation>nicht bekannt</translation>
    </message>
    <message>
        <source>up to %1</source>
        <translation>bis %1</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::DaemonConnection</name>
    <message>
        <source>The worker is not running.</source>
        <translation>Der Worker läuft nicht.</translation>
    </message>
    <message>
        <source>The worker runs as another user; this one may not talk to it.</source>
        <translation>Der Worker läuft unter einem anderen Benutzer; dieser hier darf nicht mit ihm sprechen.</translation>
    </message>
    <message>
        <source>The worker&apos;s answer cannot be read. Is it another version?</source>
        <translation>Die Antwort des Workers ist nicht lesbar. Ist es eine andere Version?</translation>
    </message>
    <message>
        <source>The worker&apos;s answer is too long. Is it another version?</source>
        <translation>Die Antwort des Workers ist zu lang. Ist es eine andere Version?</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Joining</name>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker ist nicht installiert.</translation>
    </message>
    <message>
        <source>gogrid-worker join ended with code %1.</source>
        <translation>gogrid-worker join endete mit Code %1.</translation>
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
        <translation>Ein privates Netz, das KI-Modelle auf Rechnern ausführt, die ihre Besitzer ihm leihen.</translation>
    </message>
    <message>
        <source>Version of this program: %1</source>
        <translation>Version dieses Programms: %1</translation>
    </message>
    <message>
        <source>Version of the worker: %1</source>
        <translation>Version des Workers: %1</translation>
    </message>
    <message>
        <source>State: %1</source>
        <translation>Zustand: %1</translation>
    </message>
    <message>
        <source>About GoGrid</source>
        <translation>Über GoGrid</translation>
    </message>
    <message>
        <source>GoGrid</source>
        <translation>GoGrid</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Schließen</translation>
    </message>
    <message>
        <source>Quit GoGrid</source>
        <translation>GoGrid beenden</translation>
    </message>
    <message>
        <source>Should the worker keep running?</source>
        <translation>Soll der Worker weiterlaufen?</translation>
    </message>
    <message>
        <source>It works without this icon too. Stopped, it first finishes what it runs, and takes no more.</source>
        <translation>Er arbeitet auch ohne dieses Symbol. Wird er angehalten, beendet er zuerst, was läuft, und nimmt nichts mehr an.</translation>
    </message>
    <message>
        <source>&amp;Keep it running</source>
        <translation>&amp;Weiterlaufen lassen</translation>
    </message>
    <message>
        <source>&amp;Stop it too</source>
        <translation>Auch &amp;anhalten</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>Abbre&amp;chen</translation>
    </message>
    <message>
        <source>The worker ended.</source>
        <translation>Der Worker hat sich beendet.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::ScheduleEditor</name>
    <message>
        <source>With this schedule GoGrid never works.</source>
        <translation>Mit diesem Zeitplan arbeitet GoGrid nie.</translation>
    </message>
    <message>
        <source>Filled hours allow work. Drag over hours to change them; or go there with the arrow keys and press Space.</source>
        <translation>In gefüllten Stunden darf gearbeitet werden. Ändern: mit der Maus darüberziehen, oder mit den Pfeiltasten hingehen und die Leertaste drücken.</translation>
    </message>
    <message>
        <source>Hours of the week</source>
        <translation>Stunden der Woche</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingField</name>
    <message>
        <source>Takes effect when the worker starts again.</source>
        <translation>Gilt, sobald der Worker neu startet.</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>nicht gesetzt</translation>
    </message>
    <message>
        <source>always</source>
        <translation>immer</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingsWindow</name>
    <message>
        <source>&amp;Save</source>
        <translation>&amp;Speichern</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Schließen</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>Seiten</translation>
    </message>
    <message>
        <source>The worker is not running.</source>
        <translation>Der Worker läuft nicht.</translation>
    </message>
    <message>
        <source>Reading the settings…</source>
        <translation>Einstellungen werden gelesen…</translation>
    </message>
    <message>
        <source>Start GoGrid when I log in</source>
        <translation>GoGrid starten, wenn ich mich anmelde</translation>
    </message>
    <message>
        <source>The settings file %1 is wrong, so the worker uses what it last knew: %2</source>
        <translation>Die Einstellungsdatei %1 ist fehlerhaft, darum nutzt der Worker, was er zuletzt wusste: %2</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>Gespeichert.</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SetupWizard</name>
    <message>
        <source>&amp;Join</source>
        <translation>&amp;Beitreten</translation>
    </message>
    <message>
        <source>Start GoGrid when I &amp;log in</source>
        <translation>GoGrid starten, wenn ich mich an&amp;melde</translation>
    </message>
    <message>
        <source>Set up GoGrid</source>
        <translation>GoGrid einrichten</translation>
    </message>
    <message>
        <source>Lend this computer to a GoGrid</source>
        <translation>Diesen Computer einem GoGrid leihen</translation>
    </message>
    <message>
        <source>Whoever runs the coordinator gives you a join token, with the command “gogrid token create”. Paste it here, or all of what the command printed.</source>
        <translation>Wer den Koordinator betreibt, gibt Ihnen ein Beitritts-Token, mit dem Befehl „gogrid token create“. Fügen Sie es hier ein, oder alles, was der Befehl ausgab.</translation>
    </message>
    <message>
        <source>Join token</source>
        <translation>Beitritts-Token</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>Koordinator</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Port</translation>
    </message>
    <message>
        <source>Join &amp;token</source>
        <translation>Beitritts-&amp;Token</translation>
    </message>
    <message>
        <source>&amp;Coordinator</source>
        <translation>&amp;Koordinator</translation>
    </message>
    <message>
        <source>&amp;Port</source>
        <translation>&amp;Port</translation>
    </message>
    <message>
        <source>C&amp;ancel</source>
        <translation>&amp;Abbrechen</translation>
    </message>
    <message>
        <source>This computer has joined</source>
        <translation>Dieser Computer ist beigetreten</translation>
    </message>
    <message>
        <source>GoGrid now works while you do not need the computer, and steps aside when you do. How, you choose in the settings.</source>
        <translation>GoGrid arbeitet nun, wenn Sie den Computer nicht brauchen, und tritt zurück, wenn doch. Wie, bestimmen Sie in den Einstellungen.</translation>
    </message>
    <message>
        <source>&amp;Done</source>
        <translation>&amp;Fertig</translation>
    </message>
    <message>
        <source>Joining…</source>
        <translation>Beitritt läuft…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::StatisticsWindow</name>
    <message>
        <source>Statistics</source>
        <translation>Statistik</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>&amp;Schließen</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Heute</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 Tage</translation>
    </message>
    <message>
        <source>In all</source>
        <translation>Insgesamt</translation>
    </message>
    <message>
        <source>Jobs and requests</source>
        <translation>Aufträge und Anfragen</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Token</translation>
    </message>
    <message>
        <source>Time given</source>
        <translation>Gegebene Zeit</translation>
    </message>
    <message>
        <source>What this computer has done</source>
        <translation>Was dieser Computer getan hat</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>&amp;Live</source>
        <translation>&amp;Live</translation>
    </message>
    <message>
        <source>&amp;24 hours</source>
        <translation>&amp;24 Stunden</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>Last</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>Belegter Speicher</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>Temperatur</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>Leistung</translation>
    </message>
    <message>
        <source>Why work was paused, last 7 days</source>
        <translation>Warum die Arbeit pausierte, letzte 7 Tage</translation>
    </message>
    <message>
        <source>No GPU was found</source>
        <translation>Keine GPU gefunden</translation>
    </message>
    <message>
        <source>It was not paused.</source>
        <translation>Sie pausierte nicht.</translation>
    </message>
    <message>
        <source>2 min ago</source>
        <translation>vor 2 min</translation>
    </message>
    <message>
        <source>24 h ago</source>
        <translation>vor 24 h</translation>
    </message>
    <message>
        <source>now</source>
        <translation>jetzt</translation>
    </message>
    <message>
        <source>Also when only a part of the computer was paused, such as a GPU. Reasons that hold at the same time count each.</source>
        <translation>Auch wenn nur ein Teil des Computers pausiert war, etwa eine GPU. Gründe, die gleichzeitig gelten, zählen jeder für sich.</translation>
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
        <translation>&amp;Pausieren</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Fortsetzen</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>&amp;Worker starten</translation>
    </message>
    <message>
        <source>&amp;Menu</source>
        <translation>&amp;Menü</translation>
    </message>
    <message>
        <source>This desktop has no place for tray icons, so GoGrid stays here as a window. When you close it, the worker goes on as it is.</source>
        <translation>Diese Arbeitsfläche hat keinen Platz für Symbole im Infobereich, darum bleibt GoGrid hier als Fenster. Wenn Sie es schließen, macht der Worker weiter wie bisher.</translation>
    </message>
    <message>
        <source>%1 at %2</source>
        <translation>%1 bei %2</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::TrayMenu</name>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pausieren</translation>
    </message>
    <message>
        <source>For one &amp;hour</source>
        <translation>Für eine &amp;Stunde</translation>
    </message>
    <message>
        <source>Until &amp;tomorrow</source>
        <translation>Bis &amp;morgen</translation>
    </message>
    <message>
        <source>Until I &amp;resume</source>
        <translation>Bis ich &amp;fortsetze</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Fortsetzen</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>&amp;Worker starten</translation>
    </message>
    <message>
        <source>&amp;Join a coordinator…</source>
        <translation>Einem Koordinator &amp;beitreten…</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>&amp;Einstellungen…</translation>
    </message>
    <message>
        <source>S&amp;tatistics…</source>
        <translation>S&amp;tatistik…</translation>
    </message>
    <message>
        <source>&amp;About GoGrid</source>
        <translation>Ü&amp;ber GoGrid</translation>
    </message>
    <message>
        <source>&amp;Quit…</source>
        <translation>&amp;Beenden…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::VramField</name>
    <message>
        <source>Memory of %1 (%2) for GoGrid</source>
        <translation>Speicher von %1 (%2) für GoGrid</translation>
    </message>
    <message>
        <source>GPUs show here once the worker has its engine and has found them.</source>
        <translation>GPUs erscheinen hier, sobald der Worker seine Engine hat und sie gefunden hat.</translation>
    </message>
    <message>
        <source>all %1 GB</source>
        <translation>alle %1 GB</translation>
    </message>
    <message>
        <source>not used</source>
        <translation>nicht benutzt</translation>
    </message>
    <message>
        <source>%1 of %2 GB</source>
        <translation>%1 von %2 GB</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WeekModel</name>
    <message>
        <source>%1, hour from %2: no work</source>
        <translation>%1, Stunde ab %2: keine Arbeit</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed</source>
        <translation>%1, Stunde ab %2: Arbeit ist erlaubt</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed for %3 minutes</source>
        <translation>%1, Stunde ab %2: Arbeit ist %3 Minuten lang erlaubt</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerModel</name>
    <message>
        <source>The worker does not answer.</source>
        <translation>Der Worker antwortet nicht.</translation>
    </message>
    <message>
        <source>Asking the worker…</source>
        <translation>Worker wird gefragt…</translation>
    </message>
    <message>
        <source>Starting the worker…</source>
        <translation>Worker wird gestartet…</translation>
    </message>
    <message>
        <source>Looking for the worker…</source>
        <translation>Worker wird gesucht…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerStarter</name>
    <message>
        <source>systemd did not start the worker.</source>
        <translation>systemd hat den Worker nicht gestartet.</translation>
    </message>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker ist nicht installiert.</translation>
    </message>
    <message>
        <source>%1 cannot be started.</source>
        <translation>%1 kann nicht gestartet werden.</translation>
    </message>
</context>
</TS>
