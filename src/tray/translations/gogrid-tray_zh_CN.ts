<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>Amounts</name>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 分钟</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 小时 %2 分钟</translation>
    </message>
    <message>
        <source>%1 million</source>
        <translation>%1 百万</translation>
    </message>
</context>
<context>
    <name>SettingWords</name>
    <message>
        <source>Leave a GPU that others use, in percent</source>
        <translation>让出其他程序使用的 GPU（百分比）</translation>
    </message>
    <message>
        <source>From so much of its time on. 0: never.</source>
        <translation>占用达到该时间比例时让出。0：从不。</translation>
    </message>
    <message>
        <source>When nothing tells whether I am here</source>
        <translation>无法判断我是否在使用时</translation>
    </message>
    <message>
        <source>What goes on while I use the computer</source>
        <translation>我使用电脑时继续运行的部分</translation>
    </message>
    <message>
        <source>cpu, and GPUs by their ids, separated by commas.</source>
        <translation>cpu 以及 GPU 的标识，用逗号分隔。</translation>
    </message>
    <message>
        <source>Pause while a program fills the screen</source>
        <translation>程序全屏时暂停</translation>
    </message>
    <message>
        <source>Pause while other programs wait for the computer</source>
        <translation>其他程序等待资源时暂停</translation>
    </message>
    <message>
        <source>On a metered network</source>
        <translation>使用按流量计费的网络时</translation>
    </message>
    <message>
        <source>Priority of engines</source>
        <translation>引擎的优先级</translation>
    </message>
    <message>
        <source>Disk space that stays free, in GB</source>
        <translation>保留的磁盘空间（GB）</translation>
    </message>
    <message>
        <source>Below it, work is paused.</source>
        <translation>低于该值时暂停工作。</translation>
    </message>
    <message>
        <source>Keep the computer awake while it works</source>
        <translation>工作时让电脑保持唤醒</translation>
    </message>
    <message>
        <source>Dedicated: nobody else uses this computer</source>
        <translation>专用：没有其他人使用这台电脑</translation>
    </message>
    <message>
        <source>After all other programs</source>
        <translation>在所有其他程序之后</translation>
    </message>
    <message>
        <source>As other programs</source>
        <translation>与其他程序相同</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, in GB</source>
        <translation>GoGrid 可用的显存 (GB)</translation>
    </message>
    <message>
        <source>Of all GPUs together. Empty: all they have. 0: use no GPU.</source>
        <translation>所有 GPU 合计。留空：全部。0：不使用 GPU。</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, by GPU</source>
        <translation>按 GPU 分配给 GoGrid 的显存</translation>
    </message>
    <message>
        <source>Highest GPU load, in percent</source>
        <translation>GPU 最高负载 (%)</translation>
    </message>
    <message>
        <source>GoGrid rests in between, so that it uses no more than this over time.</source>
        <translation>GoGrid 会间歇休息，使长期占用不超过此值。</translation>
    </message>
    <message>
        <source>Highest GPU temperature, in °C</source>
        <translation>GPU 最高温度 (°C)</translation>
    </message>
    <message>
        <source>Software GPUs</source>
        <translation>软件 GPU</translation>
    </message>
    <message>
        <source>A program of mine as the engine</source>
        <translation>用自己的程序作为引擎</translation>
    </message>
    <message>
        <source>A llama-server on this computer, instead of the coordinator&apos;s.</source>
        <translation>使用本机的 llama-server，而不是协调器提供的。</translation>
    </message>
    <message>
        <source>How long an engine may take to start</source>
        <translation>引擎启动最多可用的时间</translation>
    </message>
    <message>
        <source>How long an engine may give no sign of life</source>
        <translation>引擎无响应最多可持续的时间</translation>
    </message>
    <message>
        <source>Then it is started again.</source>
        <translation>超过后将重新启动引擎。</translation>
    </message>
    <message>
        <source>How much is logged</source>
        <translation>日志的详细程度</translation>
    </message>
    <message>
        <source>How log lines are written</source>
        <translation>日志行的格式</translation>
    </message>
    <message>
        <source>Manners</source>
        <translation>行为方式</translation>
    </message>
    <message>
        <source>Sets everything that you do not set yourself.</source>
        <translation>决定所有未自行设置的选项。</translation>
    </message>
    <message>
        <source>Pause while I use the computer</source>
        <translation>我使用计算机时暂停</translation>
    </message>
    <message>
        <source>Seconds until I am away</source>
        <translation>多少秒后视为离开</translation>
    </message>
    <message>
        <source>So long after the last key or movement work goes on.</source>
        <translation>最后一次按键或移动后经过此时间继续工作。</translation>
    </message>
    <message>
        <source>Pause while these apps run</source>
        <translation>这些应用运行时暂停</translation>
    </message>
    <message>
        <source>Names of programs, separated by commas: blender, steam</source>
        <translation>程序名称，以逗号分隔：blender, steam</translation>
    </message>
    <message>
        <source>What runs when a pause begins</source>
        <translation>暂停开始时正在运行的任务</translation>
    </message>
    <message>
        <source>Hours in which work is allowed</source>
        <translation>允许工作的时段</translation>
    </message>
    <message>
        <source>Days, hours or both, separated by semicolons: mon-fri 18:00-08:00; sat,sun. Empty: always.</source>
        <translation>星期、时间或两者，以分号分隔：mon-fri 18:00-08:00; sat,sun。留空：始终。</translation>
    </message>
    <message>
        <source>On battery</source>
        <translation>使用电池时</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>协调器</translation>
    </message>
    <message>
        <source>Its name or address. Empty: the one that this computer joined.</source>
        <translation>名称或地址。留空：本机已加入的协调器。</translation>
    </message>
    <message>
        <source>Coordinator&apos;s port</source>
        <translation>协调器端口</translation>
    </message>
    <message>
        <source>Go on without a connection for</source>
        <translation>断线后继续工作的时间</translation>
    </message>
    <message>
        <source>Memory for GoGrid, in GB</source>
        <translation>GoGrid 可用内存 (GB)</translation>
    </message>
    <message>
        <source>0: what the computer has, less a reserve.</source>
        <translation>0：全部内存减去预留。</translation>
    </message>
    <message>
        <source>Processor time for GoGrid, in percent</source>
        <translation>GoGrid 可用的处理器时间 (%)</translation>
    </message>
    <message>
        <source>Processor threads for a model</source>
        <translation>每个模型的处理器线程数</translation>
    </message>
    <message>
        <source>0: as many as suit it.</source>
        <translation>0：自动。</translation>
    </message>
    <message>
        <source>Disk space for models, in GB</source>
        <translation>模型可用磁盘空间 (GB)</translation>
    </message>
    <message>
        <source>0: all but what stays free for others.</source>
        <translation>0：除为其他用途保留的空间外全部。</translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation>模型文件夹</translation>
    </message>
    <message>
        <source>Empty: beside GoGrid&apos;s own files.</source>
        <translation>留空：与 GoGrid 自身文件放在一起。</translation>
    </message>
    <message>
        <source>When stopped, finish what runs for</source>
        <translation>停止时等待任务完成的时间</translation>
    </message>
    <message>
        <source>Name of this computer</source>
        <translation>本机名称</translation>
    </message>
    <message>
        <source>What the coordinator calls it. Empty: its own name.</source>
        <translation>协调器对它的称呼。留空：主机名。</translation>
    </message>
    <message>
        <source>Cautious: never in the way</source>
        <translation>谨慎：从不打扰</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>均衡</translation>
    </message>
    <message>
        <source>Eager: works whenever it can</source>
        <translation>积极：尽可能工作</translation>
    </message>
    <message>
        <source>Goes on at another machine</source>
        <translation>转到其他机器继续</translation>
    </message>
    <message>
        <source>Is finished first</source>
        <translation>先完成</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Work</source>
        <translation>工作</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Activity</source>
        <translation>使用活动</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>时间表</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Limits</source>
        <translation>限制</translation>
    </message>
    <message>
        <source>General</source>
        <translation>常规</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>高级</translation>
    </message>
    <message>
        <source>Set by the variable %1; it cannot be changed here.</source>
        <translation>由变量 %1 设定，无法在此更改。</translation>
    </message>
    <message>
        <source>Set when the worker was started, by %1; it cannot be changed here.</source>
        <translation>工作程序启动时由 %1 设定，无法在此更改。</translation>
    </message>
    <message>
        <source>Hotter than this, work is paused until the GPU has cooled down. 0: never.</source>
        <translation>超过此温度将暂停，直到 GPU 冷却。0：从不。</translation>
    </message>
    <message>
        <source>Of all processors together. 0: as much as nobody else needs.</source>
        <translation>占全部处理器的总和。0：其他程序不需要的全部。</translation>
    </message>
    <message>
        <source>Slow ones, to try things out on a computer without a GPU.</source>
        <translation>速度较慢，用于在没有 GPU 的电脑上试用。</translation>
    </message>
    <message>
        <source>The schedule cannot be used: %1</source>
        <translation>此时间表无法使用：%1</translation>
    </message>
    <message>
        <source>It must be a whole path, from / or ~/ on.</source>
        <translation>必须是以 / 或 ~/ 开头的完整路径。</translation>
    </message>
    <message>
        <source>It must be a time from %1 to %2, such as 30s or 5m.</source>
        <translation>必须是 %1 到 %2 的时长，例如 30s 或 5m。</translation>
    </message>
    <message>
        <source>It must be a time of at least %1, such as 30s or 5m.</source>
        <translation>必须是至少 %1 的时长，例如 30s 或 5m。</translation>
    </message>
    <message>
        <source>It must be a time of at most %1, such as 30s or 5m.</source>
        <translation>必须是最多 %1 的时长，例如 30s 或 5m。</translation>
    </message>
    <message>
        <source>It must be a time, such as 30s or 5m.</source>
        <translation>必须是时长，例如 30s 或 5m。</translation>
    </message>
    <message>
        <source>It must be 0, or a number from %1 to %2.</source>
        <translation>必须是 0，或 %1 到 %2 之间的数。</translation>
    </message>
    <message>
        <source>It must be a whole number from %1 to %2.</source>
        <translation>必须是 %1 到 %2 之间的整数。</translation>
    </message>
    <message>
        <source>It must be a number from %1 to %2.</source>
        <translation>必须是 %1 到 %2 之间的数。</translation>
    </message>
</context>
<context>
    <name>StatusWords</name>
    <message>
        <source>you paused it</source>
        <translation>您已暂停</translation>
    </message>
    <message>
        <source>the computer is going to sleep</source>
        <translation>计算机即将进入睡眠</translation>
    </message>
    <message>
        <source>an update is about to be installed</source>
        <translation>即将安装更新</translation>
    </message>
    <message>
        <source>outside the hours that you allow</source>
        <translation>不在允许的时段内</translation>
    </message>
    <message>
        <source>the computer runs on battery</source>
        <translation>计算机正使用电池</translation>
    </message>
    <message>
        <source>the GPU is too hot</source>
        <translation>GPU 过热</translation>
    </message>
    <message>
        <source>you are using the computer</source>
        <translation>您正在使用计算机</translation>
    </message>
    <message>
        <source>an app from your list is running</source>
        <translation>列表中的应用正在运行</translation>
    </message>
    <message>
        <source>an app fills the screen</source>
        <translation>有应用正在全屏显示</translation>
    </message>
    <message>
        <source>another program uses the GPU</source>
        <translation>其他程序正在使用 GPU</translation>
    </message>
    <message>
        <source>the processor is busy</source>
        <translation>处理器繁忙</translation>
    </message>
    <message>
        <source>memory is short</source>
        <translation>内存不足</translation>
    </message>
    <message>
        <source>the network costs by use</source>
        <translation>网络按流量计费</translation>
    </message>
    <message>
        <source>the disk is nearly full</source>
        <translation>磁盘将满</translation>
    </message>
    <message>
        <source>nothing tells whether you use the computer</source>
        <translation>无法判断您是否在使用计算机</translation>
    </message>
    <message>
        <source>Paused by you until %1</source>
        <translation>您已暂停，直到 %1</translation>
    </message>
    <message>
        <source>Paused by you</source>
        <translation>您已暂停</translation>
    </message>
    <message>
        <source>Paused: %1</source>
        <translation>已暂停：%1</translation>
    </message>
    <message>
        <source>Cannot work: %1</source>
        <translation>无法工作：%1</translation>
    </message>
    <message>
        <source>Finishing what runs, then stopping</source>
        <translation>完成当前任务后停止</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Connecting to %1</source>
        <translation>正在连接 %1</translation>
    </message>
    <message>
        <source>No connection to %1</source>
        <translation>未连接到 %1</translation>
    </message>
    <message>
        <source>Working on one request</source>
        <translation>正在处理 1 个请求</translation>
    </message>
    <message>
        <source>Working on %1 requests</source>
        <translation>正在处理 %1 个请求</translation>
    </message>
    <message>
        <source>%1 does not start</source>
        <translation>%1 无法启动</translation>
    </message>
    <message>
        <source>Ready, nothing to do</source>
        <translation>就绪，空闲</translation>
    </message>
    <message>
        <source>and %1 more</source>
        <translation>另有 %1 个</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>就绪</translation>
    </message>
    <message>
        <source>answers %1 of at most %2</source>
        <translation>正在应答 %1 个（最多 %2 个）</translation>
    </message>
    <message>
        <source>is fetched, %1 %</source>
        <translation>正在获取，%1 %</translation>
    </message>
    <message>
        <source>is fetched</source>
        <translation>正在获取</translation>
    </message>
    <message>
        <source>is loaded into memory</source>
        <translation>正在载入内存</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>leaves the memory</source>
        <translation>正在离开内存</translation>
    </message>
    <message>
        <source>the schedule never allows work</source>
        <translation>时间表从不允许工作</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>What runs is finished first</source>
        <translation>先完成正在运行的任务</translation>
    </message>
    <message>
        <source>Paused except on %1: %2</source>
        <translation>除 %1 外已暂停：%2</translation>
    </message>
    <message>
        <source>Paused on %1: %2</source>
        <translation>%1 已暂停：%2</translation>
    </message>
    <message>
        <source>It cannot see whether you use the computer (Settings, Activity)</source>
        <translation>无法得知您是否使用计算机（设置 → 使用活动）</translation>
    </message>
    <message>
        <source>The settings file is wrong and not in force</source>
        <translation>设置文件有误，未生效</translation>
    </message>
    <message>
        <source>The computer is not kept awake</source>
        <translation>无法让电脑保持唤醒</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Chart</name>
    <message>
        <source>not known</source>
        <translation>未知</translation>
    </message>
    <message>
        <source>up to %1</source>
        <translation>最大 %1</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::DaemonConnection</name>
    <message>
        <source>The worker is not running.</source>
        <translation>工作程序没有运行。</translation>
    </message>
    <message>
        <source>The worker runs as another user; this one may not talk to it.</source>
        <translation>工作程序以其他用户身份运行；当前用户无法与其通信。</translation>
    </message>
    <message>
        <source>The worker&apos;s answer cannot be read. Is it another version?</source>
        <translation>无法读取工作程序的应答。版本是否不同?</translation>
    </message>
    <message>
        <source>The worker&apos;s answer is too long. Is it another version?</source>
        <translation>工作程序的应答过长。版本是否不同?</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Joining</name>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>未安装 gogrid-worker。</translation>
    </message>
    <message>
        <source>gogrid-worker join ended with code %1.</source>
        <translation>gogrid-worker join 以代码 %1 结束。</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Program</name>
    <message>
        <source>GoGrid: %1</source>
        <translation>GoGrid：%1</translation>
    </message>
    <message>
        <source>A private network that runs AI models on machines that their owners lend it.</source>
        <translation>在机主借出的计算机上运行 AI 模型的私有网络。</translation>
    </message>
    <message>
        <source>Version of this program: %1</source>
        <translation>本程序版本：%1</translation>
    </message>
    <message>
        <source>Version of the worker: %1</source>
        <translation>工作程序版本：%1</translation>
    </message>
    <message>
        <source>State: %1</source>
        <translation>状态目录：%1</translation>
    </message>
    <message>
        <source>About GoGrid</source>
        <translation>关于 GoGrid</translation>
    </message>
    <message>
        <source>GoGrid</source>
        <translation>GoGrid</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
    <message>
        <source>Quit GoGrid</source>
        <translation>退出 GoGrid</translation>
    </message>
    <message>
        <source>Should the worker keep running?</source>
        <translation>让工作程序继续运行吗?</translation>
    </message>
    <message>
        <source>It works without this icon too. Stopped, it first finishes what it runs, and takes no more.</source>
        <translation>没有此图标它也能工作。停止时，它会先完成正在运行的任务，不再接受新任务。</translation>
    </message>
    <message>
        <source>&amp;Keep it running</source>
        <translation>继续运行(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;Stop it too</source>
        <translation>一并停止(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>取消(&amp;C)</translation>
    </message>
    <message>
        <source>The worker ended.</source>
        <translation>工作程序已结束。</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::ScheduleEditor</name>
    <message>
        <source>With this schedule GoGrid never works.</source>
        <translation>按此时间表，GoGrid 永远不会工作。</translation>
    </message>
    <message>
        <source>Filled hours allow work. Drag over hours to change them; or go there with the arrow keys and press Space.</source>
        <translation>填充的小时允许工作。用鼠标拖过即可更改，或用方向键移到该处并按空格键。</translation>
    </message>
    <message>
        <source>Hours of the week</source>
        <translation>一周的小时</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingField</name>
    <message>
        <source>Takes effect when the worker starts again.</source>
        <translation>工作程序重新启动后生效。</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>未设置</translation>
    </message>
    <message>
        <source>always</source>
        <translation>始终</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingsWindow</name>
    <message>
        <source>&amp;Save</source>
        <translation>保存(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
    <message>
        <source>The worker is not running.</source>
        <translation>工作程序没有运行。</translation>
    </message>
    <message>
        <source>Reading the settings…</source>
        <translation>正在读取设置…</translation>
    </message>
    <message>
        <source>Start GoGrid when I log in</source>
        <translation>登录时启动 GoGrid</translation>
    </message>
    <message>
        <source>The settings file %1 is wrong, so the worker uses what it last knew: %2</source>
        <translation>设置文件 %1 有误，工作程序沿用上次的设置：%2</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>已保存。</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SetupWizard</name>
    <message>
        <source>&amp;Join</source>
        <translation>加入(&amp;J)</translation>
    </message>
    <message>
        <source>Start GoGrid when I &amp;log in</source>
        <translation>登录时启动 GoGrid(&amp;L)</translation>
    </message>
    <message>
        <source>Set up GoGrid</source>
        <translation>设置 GoGrid</translation>
    </message>
    <message>
        <source>Lend this computer to a GoGrid</source>
        <translation>将本机借给 GoGrid</translation>
    </message>
    <message>
        <source>Whoever runs the coordinator gives you a join token, with the command “gogrid token create”. Paste it here, or all of what the command printed.</source>
        <translation>协调器管理者用“gogrid token create”命令提供加入令牌。请粘贴令牌或命令的全部输出。</translation>
    </message>
    <message>
        <source>Join token</source>
        <translation>加入令牌</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>协调器</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>端口</translation>
    </message>
    <message>
        <source>Join &amp;token</source>
        <translation>加入令牌(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Coordinator</source>
        <translation>协调器(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Port</source>
        <translation>端口(&amp;P)</translation>
    </message>
    <message>
        <source>C&amp;ancel</source>
        <translation>取消(&amp;A)</translation>
    </message>
    <message>
        <source>This computer has joined</source>
        <translation>本机已加入</translation>
    </message>
    <message>
        <source>GoGrid now works while you do not need the computer, and steps aside when you do. How, you choose in the settings.</source>
        <translation>GoGrid 会在您不用计算机时工作，您使用时让开。具体方式可在设置中选择。</translation>
    </message>
    <message>
        <source>&amp;Done</source>
        <translation>完成(&amp;D)</translation>
    </message>
    <message>
        <source>Joining…</source>
        <translation>正在加入…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::StatisticsWindow</name>
    <message>
        <source>Statistics</source>
        <translation>统计</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>关闭(&amp;C)</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 天</translation>
    </message>
    <message>
        <source>In all</source>
        <translation>总计</translation>
    </message>
    <message>
        <source>Jobs and requests</source>
        <translation>作业与请求</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>令牌数</translation>
    </message>
    <message>
        <source>Time given</source>
        <translation>贡献时间</translation>
    </message>
    <message>
        <source>What this computer has done</source>
        <translation>本机的工作</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>&amp;Live</source>
        <translation>实时(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;24 hours</source>
        <translation>24 小时(&amp;2)</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>负载</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>已用显存</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>功率</translation>
    </message>
    <message>
        <source>Why work was paused, last 7 days</source>
        <translation>最近 7 天暂停的原因</translation>
    </message>
    <message>
        <source>No GPU was found</source>
        <translation>未找到 GPU</translation>
    </message>
    <message>
        <source>It was not paused.</source>
        <translation>没有暂停。</translation>
    </message>
    <message>
        <source>2 min ago</source>
        <translation>2 分钟前</translation>
    </message>
    <message>
        <source>24 h ago</source>
        <translation>24 小时前</translation>
    </message>
    <message>
        <source>now</source>
        <translation>现在</translation>
    </message>
    <message>
        <source>Also when only a part of the computer was paused, such as a GPU. Reasons that hold at the same time count each.</source>
        <translation>也包括只有电脑的一部分（例如一块 GPU）暂停的时间。同时成立的原因分别计算。</translation>
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
        <translation>暂停(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>继续(&amp;R)</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>启动工作程序(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Menu</source>
        <translation>菜单(&amp;M)</translation>
    </message>
    <message>
        <source>This desktop has no place for tray icons, so GoGrid stays here as a window. When you close it, the worker goes on as it is.</source>
        <translation>此桌面没有托盘，因此 GoGrid 以窗口显示。关闭后工作程序照常运行。</translation>
    </message>
    <message>
        <source>%1 at %2</source>
        <translation>%1（%2）</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::TrayMenu</name>
    <message>
        <source>&amp;Pause</source>
        <translation>暂停(&amp;P)</translation>
    </message>
    <message>
        <source>For one &amp;hour</source>
        <translation>一小时(&amp;H)</translation>
    </message>
    <message>
        <source>Until &amp;tomorrow</source>
        <translation>到明天(&amp;T)</translation>
    </message>
    <message>
        <source>Until I &amp;resume</source>
        <translation>直到我继续(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>继续(&amp;R)</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>启动工作程序(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Join a coordinator…</source>
        <translation>加入协调器(&amp;J)…</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>设置(&amp;S)…</translation>
    </message>
    <message>
        <source>S&amp;tatistics…</source>
        <translation>统计(&amp;T)…</translation>
    </message>
    <message>
        <source>&amp;About GoGrid</source>
        <translation>关于 GoGrid(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Quit…</source>
        <translation>退出(&amp;Q)…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::VramField</name>
    <message>
        <source>Memory of %1 (%2) for GoGrid</source>
        <translation>%1 (%2) 分给 GoGrid 的显存</translation>
    </message>
    <message>
        <source>GPUs show here once the worker has its engine and has found them.</source>
        <translation>工作程序获得引擎并找到 GPU 后会显示在此。</translation>
    </message>
    <message>
        <source>all %1 GB</source>
        <translation>全部 %1 GB</translation>
    </message>
    <message>
        <source>not used</source>
        <translation>不使用</translation>
    </message>
    <message>
        <source>%1 of %2 GB</source>
        <translation>%1 / %2 GB</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WeekModel</name>
    <message>
        <source>%1, hour from %2: no work</source>
        <translation>%1，%2 起的一小时：不工作</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed</source>
        <translation>%1，%2 起的一小时：允许工作</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed for %3 minutes</source>
        <translation>%1，%2 起的一小时：允许工作 %3 分钟</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerModel</name>
    <message>
        <source>The worker does not answer.</source>
        <translation>工作程序没有应答。</translation>
    </message>
    <message>
        <source>Asking the worker…</source>
        <translation>正在询问工作程序…</translation>
    </message>
    <message>
        <source>Starting the worker…</source>
        <translation>正在启动工作程序…</translation>
    </message>
    <message>
        <source>Looking for the worker…</source>
        <translation>正在查找工作程序…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerStarter</name>
    <message>
        <source>systemd did not start the worker.</source>
        <translation>systemd 未能启动工作程序。</translation>
    </message>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>未安装 gogrid-worker。</translation>
    </message>
    <message>
        <source>%1 cannot be started.</source>
        <translation>无法启动 %1。</translation>
    </message>
</context>
</TS>
