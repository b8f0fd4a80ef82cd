<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja" sourcelanguage="en">
<context>
    <name>Amounts</name>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 分</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 時間 %2 分</translation>
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
        <translation>他のプログラムが使う GPU から離れる割合 (%)</translation>
    </message>
    <message>
        <source>From so much of its time on. 0: never.</source>
        <translation>この割合以上使われたとき。0: 離れない。</translation>
    </message>
    <message>
        <source>When nothing tells whether I am here</source>
        <translation>使用中かどうか分からないとき</translation>
    </message>
    <message>
        <source>What goes on while I use the computer</source>
        <translation>使用中も続けるもの</translation>
    </message>
    <message>
        <source>cpu, and GPUs by their ids, separated by commas.</source>
        <translation>cpu と GPU の ID をカンマで区切って。</translation>
    </message>
    <message>
        <source>Pause while a program fills the screen</source>
        <translation>全画面表示の間は一時停止</translation>
    </message>
    <message>
        <source>Pause while other programs wait for the computer</source>
        <translation>他のプログラムが待たされている間は一時停止</translation>
    </message>
    <message>
        <source>On a metered network</source>
        <translation>従量制のネットワークでは</translation>
    </message>
    <message>
        <source>Priority of engines</source>
        <translation>エンジンの優先度</translation>
    </message>
    <message>
        <source>Disk space that stays free, in GB</source>
        <translation>空けておくディスク容量 (GB)</translation>
    </message>
    <message>
        <source>Below it, work is paused.</source>
        <translation>これを下回ると作業を一時停止します。</translation>
    </message>
    <message>
        <source>Keep the computer awake while it works</source>
        <translation>作業中はスリープさせない</translation>
    </message>
    <message>
        <source>Dedicated: nobody else uses this computer</source>
        <translation>専用: 他に誰も使わないコンピューター</translation>
    </message>
    <message>
        <source>After all other programs</source>
        <translation>他のすべてのプログラムの後</translation>
    </message>
    <message>
        <source>As other programs</source>
        <translation>他のプログラムと同じ</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, in GB</source>
        <translation>GoGrid が使う GPU メモリ (GB)</translation>
    </message>
    <message>
        <source>Of all GPUs together. Empty: all they have. 0: use no GPU.</source>
        <translation>全 GPU の合計。空欄: すべて。0: GPU を使わない。</translation>
    </message>
    <message>
        <source>GPU memory for GoGrid, by GPU</source>
        <translation>GPU ごとの GoGrid 用メモリ</translation>
    </message>
    <message>
        <source>Highest GPU load, in percent</source>
        <translation>GPU 負荷の上限 (%)</translation>
    </message>
    <message>
        <source>GoGrid rests in between, so that it uses no more than this over time.</source>
        <translation>この割合を超えないよう、GoGrid は間に休みを入れます。</translation>
    </message>
    <message>
        <source>Highest GPU temperature, in °C</source>
        <translation>GPU 温度の上限 (°C)</translation>
    </message>
    <message>
        <source>Software GPUs</source>
        <translation>ソフトウェア GPU</translation>
    </message>
    <message>
        <source>A program of mine as the engine</source>
        <translation>エンジンとして使う自分のプログラム</translation>
    </message>
    <message>
        <source>A llama-server on this computer, instead of the coordinator&apos;s.</source>
        <translation>コーディネーターのものの代わりに、このコンピューターの llama-server を使います。</translation>
    </message>
    <message>
        <source>How long an engine may take to start</source>
        <translation>エンジンの起動を待つ時間</translation>
    </message>
    <message>
        <source>How long an engine may give no sign of life</source>
        <translation>エンジンの無応答を許す時間</translation>
    </message>
    <message>
        <source>Then it is started again.</source>
        <translation>それを過ぎると再起動します。</translation>
    </message>
    <message>
        <source>How much is logged</source>
        <translation>ログに記録する量</translation>
    </message>
    <message>
        <source>How log lines are written</source>
        <translation>ログの書式</translation>
    </message>
    <message>
        <source>Manners</source>
        <translation>ふるまい</translation>
    </message>
    <message>
        <source>Sets everything that you do not set yourself.</source>
        <translation>ご自身で設定していない項目をまとめて決めます。</translation>
    </message>
    <message>
        <source>Pause while I use the computer</source>
        <translation>コンピューターを使っている間は休止する</translation>
    </message>
    <message>
        <source>Seconds until I am away</source>
        <translation>離席とみなすまでの秒数</translation>
    </message>
    <message>
        <source>So long after the last key or movement work goes on.</source>
        <translation>最後のキーやマウスの操作からこの時間が過ぎると作業を再開します。</translation>
    </message>
    <message>
        <source>Pause while these apps run</source>
        <translation>次のアプリの実行中は休止する</translation>
    </message>
    <message>
        <source>Names of programs, separated by commas: blender, steam</source>
        <translation>プログラム名をコンマで区切ります: blender, steam</translation>
    </message>
    <message>
        <source>What runs when a pause begins</source>
        <translation>休止が始まったときの実行中の作業</translation>
    </message>
    <message>
        <source>Hours in which work is allowed</source>
        <translation>作業してよい時間帯</translation>
    </message>
    <message>
        <source>Days, hours or both, separated by semicolons: mon-fri 18:00-08:00; sat,sun. Empty: always.</source>
        <translation>曜日、時刻、またはその両方をセミコロンで区切ります: mon-fri 18:00-08:00; sat,sun。空欄: 常時。</translation>
    </message>
    <message>
        <source>On battery</source>
        <translation>バッテリー使用時</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>コーディネーター</translation>
    </message>
    <message>
        <source>Its name or address. Empty: the one that this computer joined.</source>
        <translation>名前またはアドレス。空欄: このコンピューターが参加したもの。</translation>
    </message>
    <message>
        <source>Coordinator&apos;s port</source>
        <translation>コーディネーターのポート</translation>
    </message>
    <message>
        <source>Go on without a connection for</source>
        <translation>接続なしで続ける時間</translation>
    </message>
    <message>
        <source>Memory for GoGrid, in GB</source>
        <translation>GoGrid が使うメモリ (GB)</translation>
    </message>
    <message>
        <source>0: what the computer has, less a reserve.</source>
        <translation>0: 搭載メモリから予備を除いた分。</translation>
    </message>
    <message>
        <source>Processor time for GoGrid, in percent</source>
        <translation>GoGrid が使う CPU 時間 (%)</translation>
    </message>
    <message>
        <source>Processor threads for a model</source>
        <translation>モデルあたりの CPU スレッド数</translation>
    </message>
    <message>
        <source>0: as many as suit it.</source>
        <translation>0: 自動。</translation>
    </message>
    <message>
        <source>Disk space for models, in GB</source>
        <translation>モデル用のディスク容量 (GB)</translation>
    </message>
    <message>
        <source>0: all but what stays free for others.</source>
        <translation>0: 他のために空けておく分を除いたすべて。</translation>
    </message>
    <message>
        <source>Folder for models</source>
        <translation>モデルのフォルダー</translation>
    </message>
    <message>
        <source>Empty: beside GoGrid&apos;s own files.</source>
        <translation>空欄: GoGrid のファイルと同じ場所。</translation>
    </message>
    <message>
        <source>When stopped, finish what runs for</source>
        <translation>停止時に実行中の作業を待つ時間</translation>
    </message>
    <message>
        <source>Name of this computer</source>
        <translation>このコンピューターの名前</translation>
    </message>
    <message>
        <source>What the coordinator calls it. Empty: its own name.</source>
        <translation>コーディネーターでの呼び名。空欄: ホスト名。</translation>
    </message>
    <message>
        <source>Cautious: never in the way</source>
        <translation>控えめ: 決して邪魔をしない</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>標準</translation>
    </message>
    <message>
        <source>Eager: works whenever it can</source>
        <translation>積極的: できる限り働く</translation>
    </message>
    <message>
        <source>Goes on at another machine</source>
        <translation>別のマシンで続ける</translation>
    </message>
    <message>
        <source>Is finished first</source>
        <translation>先に完了させる</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>休止する</translation>
    </message>
    <message>
        <source>Work</source>
        <translation>働く</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>Activity</source>
        <translation>利用状況</translation>
    </message>
    <message>
        <source>Schedule</source>
        <translation>スケジュール</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>ネットワーク</translation>
    </message>
    <message>
        <source>Limits</source>
        <translation>制限</translation>
    </message>
    <message>
        <source>General</source>
        <translation>一般</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>詳細</translation>
    </message>
    <message>
        <source>Set by the variable %1; it cannot be changed here.</source>
        <translation>変数 %1 で設定されているため、ここでは変更できません。</translation>
    </message>
    <message>
        <source>Set when the worker was started, by %1; it cannot be changed here.</source>
        <translation>ワーカーの起動時に %1 で設定されたため、ここでは変更できません。</translation>
    </message>
    <message>
        <source>Hotter than this, work is paused until the GPU has cooled down. 0: never.</source>
        <translation>これを超えると、GPU が冷えるまで作業を休止します。0: 休止しない。</translation>
    </message>
    <message>
        <source>Of all processors together. 0: as much as nobody else needs.</source>
        <translation>全プロセッサーの合計に対して。0: 他が必要としない分すべて。</translation>
    </message>
    <message>
        <source>Slow ones, to try things out on a computer without a GPU.</source>
        <translation>GPU のないコンピューターで試すための低速なものです。</translation>
    </message>
    <message>
        <source>The schedule cannot be used: %1</source>
        <translation>このスケジュールは使えません: %1</translation>
    </message>
    <message>
        <source>It must be a whole path, from / or ~/ on.</source>
        <translation>/ または ~/ で始まる完全なパスにしてください。</translation>
    </message>
    <message>
        <source>It must be a time from %1 to %2, such as 30s or 5m.</source>
        <translation>%1 から %2 までの時間にしてください（例: 30s、5m）。</translation>
    </message>
    <message>
        <source>It must be a time of at least %1, such as 30s or 5m.</source>
        <translation>%1 以上の時間にしてください（例: 30s、5m）。</translation>
    </message>
    <message>
        <source>It must be a time of at most %1, such as 30s or 5m.</source>
        <translation>%1 以下の時間にしてください（例: 30s、5m）。</translation>
    </message>
    <message>
        <source>It must be a time, such as 30s or 5m.</source>
        <translation>時間を入力してください（例: 30s、5m）。</translation>
    </message>
    <message>
        <source>It must be 0, or a number from %1 to %2.</source>
        <translation>0、または %1 から %2 までの数にしてください。</translation>
    </message>
    <message>
        <source>It must be a whole number from %1 to %2.</source>
        <translation>%1 から %2 までの整数にしてください。</translation>
    </message>
    <message>
        <source>It must be a number from %1 to %2.</source>
        <translation>%1 から %2 までの数にしてください。</translation>
    </message>
</context>
<context>
    <name>StatusWords</name>
    <message>
        <source>you paused it</source>
        <translation>あなたが休止しました</translation>
    </message>
    <message>
        <source>the computer is going to sleep</source>
        <translation>コンピューターがスリープに入ります</translation>
    </message>
    <message>
        <source>an update is about to be installed</source>
        <translation>更新がインストールされます</translation>
    </message>
    <message>
        <source>outside the hours that you allow</source>
        <translation>許可された時間帯の外です</translation>
    </message>
    <message>
        <source>the computer runs on battery</source>
        <translation>バッテリーで動作中です</translation>
    </message>
    <message>
        <source>the GPU is too hot</source>
        <translation>GPU の温度が高すぎます</translation>
    </message>
    <message>
        <source>you are using the computer</source>
        <translation>コンピューターを使用中です</translation>
    </message>
    <message>
        <source>an app from your list is running</source>
        <translation>一覧にあるアプリが実行中です</translation>
    </message>
    <message>
        <source>an app fills the screen</source>
        <translation>アプリが全画面表示中です</translation>
    </message>
    <message>
        <source>another program uses the GPU</source>
        <translation>他のプログラムが GPU を使用中です</translation>
    </message>
    <message>
        <source>the processor is busy</source>
        <translation>CPU が混み合っています</translation>
    </message>
    <message>
        <source>memory is short</source>
        <translation>メモリが不足しています</translation>
    </message>
    <message>
        <source>the network costs by use</source>
        <translation>従量制のネットワークです</translation>
    </message>
    <message>
        <source>the disk is nearly full</source>
        <translation>ディスクの空きがほとんどありません</translation>
    </message>
    <message>
        <source>nothing tells whether you use the computer</source>
        <translation>使用中かどうかを判断できません</translation>
    </message>
    <message>
        <source>Paused by you until %1</source>
        <translation>%1 まで休止中</translation>
    </message>
    <message>
        <source>Paused by you</source>
        <translation>休止中</translation>
    </message>
    <message>
        <source>Paused: %1</source>
        <translation>休止中: %1</translation>
    </message>
    <message>
        <source>Cannot work: %1</source>
        <translation>作業できません: %1</translation>
    </message>
    <message>
        <source>Finishing what runs, then stopping</source>
        <translation>実行中の作業を終えて停止します</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>休止中</translation>
    </message>
    <message>
        <source>Connecting to %1</source>
        <translation>%1 に接続中</translation>
    </message>
    <message>
        <source>No connection to %1</source>
        <translation>%1 に接続できません</translation>
    </message>
    <message>
        <source>Working on one request</source>
        <translation>1 件のリクエストを処理中</translation>
    </message>
    <message>
        <source>Working on %1 requests</source>
        <translation>%1 件のリクエストを処理中</translation>
    </message>
    <message>
        <source>%1 does not start</source>
        <translation>%1 が起動しません</translation>
    </message>
    <message>
        <source>Ready, nothing to do</source>
        <translation>待機中</translation>
    </message>
    <message>
        <source>and %1 more</source>
        <translation>ほか %1 件</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>準備完了</translation>
    </message>
    <message>
        <source>answers %1 of at most %2</source>
        <translation>%1 件に応答中 (最大 %2 件)</translation>
    </message>
    <message>
        <source>is fetched, %1 %</source>
        <translation>取得中 %1 %</translation>
    </message>
    <message>
        <source>is fetched</source>
        <translation>取得中</translation>
    </message>
    <message>
        <source>is loaded into memory</source>
        <translation>メモリに読み込み中</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>待機中</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失敗</translation>
    </message>
    <message>
        <source>leaves the memory</source>
        <translation>メモリから解放中</translation>
    </message>
    <message>
        <source>the schedule never allows work</source>
        <translation>スケジュールで作業がまったく許可されていません</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>What runs is finished first</source>
        <translation>実行中のものを先に終えます</translation>
    </message>
    <message>
        <source>Paused except on %1: %2</source>
        <translation>%1 以外は休止中: %2</translation>
    </message>
    <message>
        <source>Paused on %1: %2</source>
        <translation>%1 は休止中: %2</translation>
    </message>
    <message>
        <source>It cannot see whether you use the computer (Settings, Activity)</source>
        <translation>コンピューターを使用中かどうか分かりません（設定 → 利用状況）</translation>
    </message>
    <message>
        <source>The settings file is wrong and not in force</source>
        <translation>設定ファイルに誤りがあり、適用されていません</translation>
    </message>
    <message>
        <source>The computer is not kept awake</source>
        <translation>コンピューターのスリープを防げません</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Chart</name>
    <message>
        <source>not known</source>
        <translation>不明</translation>
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
        <translation>ワーカーは動いていません。</translation>
    </message>
    <message>
        <source>The worker runs as another user; this one may not talk to it.</source>
        <translation>ワーカーは別のユーザーで動いているため、このユーザーからは接続できません。</translation>
    </message>
    <message>
        <source>The worker&apos;s answer cannot be read. Is it another version?</source>
        <translation>ワーカーの応答を読み取れません。バージョンが違いませんか?</translation>
    </message>
    <message>
        <source>The worker&apos;s answer is too long. Is it another version?</source>
        <translation>ワーカーの応答が長すぎます。バージョンが違いませんか?</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::Joining</name>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker がインストールされていません。</translation>
    </message>
    <message>
        <source>gogrid-worker join ended with code %1.</source>
        <translation>gogrid-worker join がコード %1 で終了しました。</translation>
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
        <translation>所有者が貸し出したコンピューターで AI モデルを動かすプライベートネットワークです。</translation>
    </message>
    <message>
        <source>Version of this program: %1</source>
        <translation>このプログラムのバージョン: %1</translation>
    </message>
    <message>
        <source>Version of the worker: %1</source>
        <translation>ワーカーのバージョン: %1</translation>
    </message>
    <message>
        <source>State: %1</source>
        <translation>状態の保存先: %1</translation>
    </message>
    <message>
        <source>About GoGrid</source>
        <translation>GoGrid について</translation>
    </message>
    <message>
        <source>GoGrid</source>
        <translation>GoGrid</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>閉じる(&amp;C)</translation>
    </message>
    <message>
        <source>Quit GoGrid</source>
        <translation>GoGrid の終了</translation>
    </message>
    <message>
        <source>Should the worker keep running?</source>
        <translation>ワーカーを動かし続けますか?</translation>
    </message>
    <message>
        <source>It works without this icon too. Stopped, it first finishes what it runs, and takes no more.</source>
        <translation>このアイコンがなくてもワーカーは動きます。停止すると、実行中のものを終えてから新しい仕事を受け付けなくなります。</translation>
    </message>
    <message>
        <source>&amp;Keep it running</source>
        <translation>動かし続ける(&amp;K)</translation>
    </message>
    <message>
        <source>&amp;Stop it too</source>
        <translation>ワーカーも停止(&amp;S)</translation>
    </message>
    <message>
        <source>&amp;Cancel</source>
        <translation>キャンセル(&amp;C)</translation>
    </message>
    <message>
        <source>The worker ended.</source>
        <translation>ワーカーが終了しました。</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::ScheduleEditor</name>
    <message>
        <source>With this schedule GoGrid never works.</source>
        <translation>このスケジュールでは GoGrid は一切動作しません。</translation>
    </message>
    <message>
        <source>Filled hours allow work. Drag over hours to change them; or go there with the arrow keys and press Space.</source>
        <translation>塗られた時間に動作が許可されます。変更するには、マウスでなぞるか、矢印キーで移動してスペースキーを押します。</translation>
    </message>
    <message>
        <source>Hours of the week</source>
        <translation>一週間の時間</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SettingField</name>
    <message>
        <source>Takes effect when the worker starts again.</source>
        <translation>ワーカーの再起動後に有効になります。</translation>
    </message>
    <message>
        <source>not set</source>
        <translation>未設定</translation>
    </message>
    <message>
        <source>always</source>
        <translation>常に</translation>
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
        <translation>閉じる(&amp;C)</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>設定</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>ページ</translation>
    </message>
    <message>
        <source>The worker is not running.</source>
        <translation>ワーカーは動いていません。</translation>
    </message>
    <message>
        <source>Reading the settings…</source>
        <translation>設定を読み込んでいます…</translation>
    </message>
    <message>
        <source>Start GoGrid when I log in</source>
        <translation>ログイン時に GoGrid を起動する</translation>
    </message>
    <message>
        <source>The settings file %1 is wrong, so the worker uses what it last knew: %2</source>
        <translation>設定ファイル %1 に誤りがあるため、ワーカーは以前の設定を使います: %2</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>保存しました。</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::SetupWizard</name>
    <message>
        <source>&amp;Join</source>
        <translation>参加(&amp;J)</translation>
    </message>
    <message>
        <source>Start GoGrid when I &amp;log in</source>
        <translation>ログイン時に GoGrid を起動する(&amp;L)</translation>
    </message>
    <message>
        <source>Set up GoGrid</source>
        <translation>GoGrid のセットアップ</translation>
    </message>
    <message>
        <source>Lend this computer to a GoGrid</source>
        <translation>このコンピューターを GoGrid に貸す</translation>
    </message>
    <message>
        <source>Whoever runs the coordinator gives you a join token, with the command “gogrid token create”. Paste it here, or all of what the command printed.</source>
        <translation>コーディネーターの管理者が「gogrid token create」コマンドで参加トークンを発行します。トークン、またはコマンドの出力全体をここに貼り付けてください。</translation>
    </message>
    <message>
        <source>Join token</source>
        <translation>参加トークン</translation>
    </message>
    <message>
        <source>Coordinator</source>
        <translation>コーディネーター</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>ポート</translation>
    </message>
    <message>
        <source>Join &amp;token</source>
        <translation>参加トークン(&amp;T)</translation>
    </message>
    <message>
        <source>&amp;Coordinator</source>
        <translation>コーディネーター(&amp;C)</translation>
    </message>
    <message>
        <source>&amp;Port</source>
        <translation>ポート(&amp;P)</translation>
    </message>
    <message>
        <source>C&amp;ancel</source>
        <translation>キャンセル(&amp;A)</translation>
    </message>
    <message>
        <source>This computer has joined</source>
        <translation>このコンピューターは参加しました</translation>
    </message>
    <message>
        <source>GoGrid now works while you do not need the computer, and steps aside when you do. How, you choose in the settings.</source>
        <translation>GoGrid はコンピューターを使っていない間に働き、使うときは退きます。ふるまいは設定で選べます。</translation>
    </message>
    <message>
        <source>&amp;Done</source>
        <translation>完了(&amp;D)</translation>
    </message>
    <message>
        <source>Joining…</source>
        <translation>参加しています…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::StatisticsWindow</name>
    <message>
        <source>Statistics</source>
        <translation>統計</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>閉じる(&amp;C)</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今日</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 日間</translation>
    </message>
    <message>
        <source>In all</source>
        <translation>合計</translation>
    </message>
    <message>
        <source>Jobs and requests</source>
        <translation>ジョブとリクエスト</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>Time given</source>
        <translation>提供した時間</translation>
    </message>
    <message>
        <source>What this computer has done</source>
        <translation>このコンピューターの実績</translation>
    </message>
    <message>
        <source>GPU</source>
        <translation>GPU</translation>
    </message>
    <message>
        <source>&amp;Live</source>
        <translation>ライブ(&amp;L)</translation>
    </message>
    <message>
        <source>&amp;24 hours</source>
        <translation>24 時間(&amp;2)</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>負荷</translation>
    </message>
    <message>
        <source>Memory in use</source>
        <translation>使用中のメモリ</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Power</source>
        <translation>電力</translation>
    </message>
    <message>
        <source>Why work was paused, last 7 days</source>
        <translation>休止の理由 (過去 7 日間)</translation>
    </message>
    <message>
        <source>No GPU was found</source>
        <translation>GPU が見つかりません</translation>
    </message>
    <message>
        <source>It was not paused.</source>
        <translation>休止はありませんでした。</translation>
    </message>
    <message>
        <source>2 min ago</source>
        <translation>2 分前</translation>
    </message>
    <message>
        <source>24 h ago</source>
        <translation>24 時間前</translation>
    </message>
    <message>
        <source>now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>Also when only a part of the computer was paused, such as a GPU. Reasons that hold at the same time count each.</source>
        <translation>GPU など、コンピューターの一部だけが休止していた時間も含みます。同時に当てはまる理由はそれぞれ数えます。</translation>
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
        <translation>休止(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>再開(&amp;R)</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>ワーカーを起動(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Menu</source>
        <translation>メニュー(&amp;M)</translation>
    </message>
    <message>
        <source>This desktop has no place for tray icons, so GoGrid stays here as a window. When you close it, the worker goes on as it is.</source>
        <translation>このデスクトップにはトレイがないため、GoGrid はウィンドウとして表示されます。閉じてもワーカーはそのまま動き続けます。</translation>
    </message>
    <message>
        <source>%1 at %2</source>
        <translation>%1 (%2)</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::TrayMenu</name>
    <message>
        <source>&amp;Pause</source>
        <translation>休止(&amp;P)</translation>
    </message>
    <message>
        <source>For one &amp;hour</source>
        <translation>1 時間(&amp;H)</translation>
    </message>
    <message>
        <source>Until &amp;tomorrow</source>
        <translation>明日まで(&amp;T)</translation>
    </message>
    <message>
        <source>Until I &amp;resume</source>
        <translation>再開するまで(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>再開(&amp;R)</translation>
    </message>
    <message>
        <source>Start the &amp;worker</source>
        <translation>ワーカーを起動(&amp;W)</translation>
    </message>
    <message>
        <source>&amp;Join a coordinator…</source>
        <translation>コーディネーターに参加(&amp;J)…</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>設定(&amp;S)…</translation>
    </message>
    <message>
        <source>S&amp;tatistics…</source>
        <translation>統計(&amp;T)…</translation>
    </message>
    <message>
        <source>&amp;About GoGrid</source>
        <translation>GoGrid について(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Quit…</source>
        <translation>終了(&amp;Q)…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::VramField</name>
    <message>
        <source>Memory of %1 (%2) for GoGrid</source>
        <translation>%1 (%2) の GoGrid 用メモリ</translation>
    </message>
    <message>
        <source>GPUs show here once the worker has its engine and has found them.</source>
        <translation>ワーカーがエンジンを取得して GPU を見つけると、ここに表示されます。</translation>
    </message>
    <message>
        <source>all %1 GB</source>
        <translation>全 %1 GB</translation>
    </message>
    <message>
        <source>not used</source>
        <translation>使わない</translation>
    </message>
    <message>
        <source>%1 of %2 GB</source>
        <translation>%2 GB 中 %1 GB</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WeekModel</name>
    <message>
        <source>%1, hour from %2: no work</source>
        <translation>%1、%2 からの 1 時間：動作しない</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed</source>
        <translation>%1、%2 からの 1 時間：動作を許可</translation>
    </message>
    <message>
        <source>%1, hour from %2: work is allowed for %3 minutes</source>
        <translation>%1、%2 からの 1 時間：%3 分間動作を許可</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerModel</name>
    <message>
        <source>The worker does not answer.</source>
        <translation>ワーカーが応答しません。</translation>
    </message>
    <message>
        <source>Asking the worker…</source>
        <translation>ワーカーに問い合わせ中…</translation>
    </message>
    <message>
        <source>Starting the worker…</source>
        <translation>ワーカーを起動中…</translation>
    </message>
    <message>
        <source>Looking for the worker…</source>
        <translation>ワーカーを探しています…</translation>
    </message>
</context>
<context>
    <name>gogrid::tray::WorkerStarter</name>
    <message>
        <source>systemd did not start the worker.</source>
        <translation>systemd がワーカーを起動できませんでした。</translation>
    </message>
    <message>
        <source>gogrid-worker is not installed.</source>
        <translation>gogrid-worker がインストールされていません。</translation>
    </message>
    <message>
        <source>%1 cannot be started.</source>
        <translation>%1 を起動できません。</translation>
    </message>
</context>
</TS>
