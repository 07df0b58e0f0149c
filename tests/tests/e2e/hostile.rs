//! Hooks that mean harm, or might as well: each through a whole publication, to the outcome that `tests/bad-plugins/README.md` documents and the tree that clients
//! see, and then the next run without it. Nothing is timed: the publisher runs within limits of the kernel, and so does every hook.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use pressroom_tests::binary;
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool::{self, Ran, read_text, tool, workspace, write_program};
use pressroom_tests::tree::{Picture, assert_same, picture};
use serde_json::Value;

/// What is bad.
enum Hook {
    /// `tests/bad-plugins` with lines of configuration.
    Rust(&'static str),
    /// A core module, made into a component of these interfaces.
    Wat(Box<Wat>),
    /// Any file with a component's ending.
    File(fn() -> Vec<u8>),
    /// An executable.
    Script(&'static str),
}

/// How it ends.
enum End {
    /// The operator cannot add it.
    NotAdded,
    /// The run does not begin with it.
    NotBegun,
    /// The pass is given up, with this outcome of the hook.
    GivenUp(&'static str),
    /// The pass is published as it would be without the hook, but for these files of it.
    Published(&'static str, &'static [(&'static str, &'static str)]),
}

struct Case {
    hook: Hook,
    /// Lines under `[capabilities]`, instead of those that let it do its worst.
    capabilities: &'static str,
    /// Lines under `[limits]`.
    limits: &'static str,
    /// What the compiler may take, as options of prlimit; its own limits are far from what a test should wait for.
    compiler: &'static [&'static str],
    /// What is done when it has been added, before the run.
    before: fn(&Root),
    end: End,
    /// What is said of it: by the command that refuses it, or in its row.
    words: &'static [&'static str],
}

const CAPABILITIES: &str = "archive = true\nstaging = [\"project/*\"]\nstate = true";

fn rust(config: &'static str, end: End, words: &'static [&'static str]) -> Case {
    let compiler = &["--core=0"];
    Case {
        hook: Hook::Rust(config),
        capabilities: CAPABILITIES,
        limits: "",
        compiler,
        before: |_| (),
        end,
        words,
    }
}

fn wat(wat: Wat, end: End, words: &'static [&'static str]) -> Case {
    Case { hook: Hook::Wat(Box::new(wat)), ..rust("", end, words) }
}

fn file(content: fn() -> Vec<u8>, words: &'static [&'static str]) -> Case {
    Case { hook: Hook::File(content), ..rust("", End::NotAdded, words) }
}

fn script(text: &'static str, end: End, words: &'static [&'static str]) -> Case {
    Case { hook: Hook::Script(text), ..rust("", end, words) }
}

impl Case {
    fn within(self, limits: &'static str) -> Self {
        Self { limits, ..self }
    }

    fn granted(self, capabilities: &'static str) -> Self {
        Self { capabilities, ..self }
    }

    fn after(self, before: fn(&Root)) -> Self {
        Self { before, ..self }
    }
}

use End::{GivenUp, NotAdded, NotBegun, Published};

/// A test for each case, and the list of their names.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        $(#[test] fn $name() { check($case); })*
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

cases! {
    // time and memory
    a_loop: rust("behave = \"loop\"", GivenUp("TIMED-OUT"), &["time limit of 1 second"]).within("wall-seconds = 1");
    a_sleep: rust("behave = \"sleep\"", GivenUp("TIMED-OUT"), &["time limit"]).within("wall-seconds = 1");
    memory_without_end: rust("behave = \"allocate\"", GivenUp("OVER-LIMIT"), &["memory"]).within("memory-bytes = 33554432");
    tables_without_end: wat(Wat { run: GROW_TABLES, more: "(table 0 funcref)", ..Wat::DONE }, GivenUp("OVER-LIMIT"), &["tables"]);
    recursion: rust("behave = \"recurse\"", GivenUp("OVER-LIMIT"), &["stack"]);
    handles_without_end: rust("behave = \"open-handles\"", GivenUp("OVER-LIMIT"), &["handles"]);
    random_without_end: wat(Wat { imports: RANDOM, run: RANDOM_FLOOD, ..Wat::DONE }, GivenUp("OVER-LIMIT"), &["random bytes"]);
    random_at_once: wat(Wat { imports: RANDOM, run: RANDOM_AT_ONCE, ..Wat::DONE }, GivenUp("OVER-LIMIT"), &["random bytes"]);
    // what it says
    a_flood_of_log_lines: rust("behave = \"log-flood\"\namount = 100000", Published("DONE", &[]), &["more lines were dropped"]);
    odd_log_lines: rust("behave = \"odd-log\"", Published("DONE", &[]), &["one\\ntwo\\r\\nthree", "\\u{1b}[2J"]);
    a_flood_of_standard_output: rust("behave = \"stdout-flood\"", GivenUp("OVER-LIMIT"), &["standard output"]);
    a_flood_of_standard_error: rust("behave = \"stderr-flood\"", GivenUp("OVER-LIMIT"), &["standard output and error"]);
    a_report_that_is_too_long: rust("behave = \"huge-report\"\namount = 100000", GivenUp("OVER-LIMIT"), &["report"]);
    a_report_beyond_all_measure: rust("behave = \"huge-report\"\namount = 50000000", GivenUp("OVER-LIMIT"), &["one host call"]);
    a_reason_that_is_too_long: rust("behave = \"huge-veto\"\namount = 100000", GivenUp("OVER-LIMIT"), &["report"]);
    an_odd_report: rust("behave = \"odd-report\"", Published("DONE", &[]), &["one\\ntwo\\u{1b}[2J"]);
    // what it asks
    questions_without_end: rust("behave = \"host-call-storm\"", GivenUp("OVER-LIMIT"), &["host calls"]).within("host-calls = 1000");
    a_question_that_is_too_long: rust("behave = \"huge-host-call\"", GivenUp("OVER-LIMIT"), &["one host call"]);
    reading_everything_again_and_again: rust("behave = \"read-much\"", GivenUp("OVER-LIMIT"), &["host calls"]).within("host-calls = 1000");
    listing_everything_again_and_again: rust("behave = \"list-storm\"", GivenUp("OVER-LIMIT"), &["host calls"]).within("host-calls = 1000");
    a_memory_that_is_too_large: rust("behave = \"state-bomb\"", GivenUp("FAILED"), &["Quota", "1048576 bytes"]);
    forgetting_what_was_never_kept: rust("behave = \"forget-much\"\namount = 20000", Published("DONE", &[]), &["tried 20000 times"]);
    keys_that_are_none: rust("behave = \"bad-keys\"\ninsist = true", Published("DONE", &[]), &["BadKey"]);
    looking_around: rust("behave = \"look-around\"", Published("DONE", &[]), &[
        "root: none", "write: false", "variables: 0", "arguments: 0", "connect: false", "listen: false", "names: false",
    ]);
    // where it writes and reads
    a_path_that_leads_up: rust("behave = \"escaping-path\"", GivenUp("FAILED"), &["BadPath", "escaped"]);
    an_absolute_path: rust("behave = \"absolute-path\"", GivenUp("FAILED"), &["BadPath", "/etc/passwd"]).granted("staging = [\"**\"]");
    paths_of_every_odd_kind: rust("behave = \"odd-paths\"\ninsist = true", Published("DONE", &[]), &["BadPath", "tried 13 times"]).granted("staging = [\"**\"]");
    writing_over_release: rust("behave = \"overwrite-release\"", GivenUp("FAILED"), &["Denied", "signed by the publisher alone"]).granted("staging = [\"dists/**/*Release*\"]");
    writing_into_the_pool: rust("behave = \"outside-grant\"", GivenUp("FAILED"), &["Denied", "the pool is not part"]).granted("staging = [\"pool/**\", \"**\"]");
    writing_beyond_the_grant: rust("behave = \"write\"\npath = \"indices/bad\"", GivenUp("FAILED"), &["Denied", "not within what the grant"]);
    reading_beyond_the_tree: rust("behave = \"read-beyond\"\ninsist = true", Published("DONE", &[]), &["BadPath", "Denied"]).granted("staging = []").after(link_in_the_live_tree);
    reading_without_a_grant: rust("behave = \"read-beyond\"\npath = \"dists/aurora/Release\"", GivenUp("FAILED"), &["staging is not granted"]).granted("");
    writing_over_a_link_in_the_tree: rust("behave = \"write\"\npath = \"dists/aurora/link/bad\"", GivenUp("FAILED"), &["leads over a link"]).granted("staging = [\"dists/**\"]").after(link_in_the_live_tree);
    replacing_a_link_in_the_tree: rust("behave = \"write\"\npath = \"project/link\"", GivenUp("FAILED"), &["leads over a link"]).after(link_in_the_live_tree);
    a_fifo_that_is_written: rust("behave = \"write\"\npath = \"project/fifo\"", GivenUp("FAILED"), &["no file"]).after(fifo_in_the_live_tree);
    a_fifo_that_is_read: rust("behave = \"read-beyond\"\npath = \"project/fifo\"", GivenUp("FAILED"), &["no file"]).after(fifo_in_the_live_tree);
    replacing_an_index: rust("behave = \"write\"\npath = \"dists/aurora/main/binary-amd64/Packages.xz\"", GivenUp("FAILED"), &["a file of the publisher"]).granted("staging = [\"dists/**\"]");
    removing_an_index: rust("behave = \"remove\"\npath = \"dists/aurora/main/binary-amd64/Packages.xz\"", GivenUp("FAILED"), &["a file of the publisher"]).granted("staging = [\"dists/**\"]");
    replacing_a_file_of_another_hook: rust("behave = \"write\"\npath = \"project/shared\"", GivenUp("FAILED"), &["a file of another hook"]).after(another_hook);
    too_many_files: rust("behave = \"many-files\"", GivenUp("FAILED"), &["Quota", "more than 100 files"]).granted("staging = [\"project/**\"]").within("staging-files = 100");
    too_many_bytes: rust("behave = \"many-bytes\"\namount = 8388608", GivenUp("FAILED"), &["Quota", "more than 1048576 bytes"]).within("staging-bytes = 1048576");
    adding_to_what_it_has_not_written: rust("behave = \"append-unwritten\"", GivenUp("FAILED"), &["write it first"]);
    signing_beyond_the_grant: rust("behave = \"sign\"", GivenUp("FAILED"), &["Denied", "lets it sign"]).granted("staging = [\"project/*\"]\nsigning = [\"project/other\"]");
    // how it ends
    a_panic: rust("behave = \"panic\"", GivenUp("TRAPPED"), &["the sky is falling"]);
    a_panic_when_something_is_dropped: rust("behave = \"panic-in-drop\"", GivenUp("TRAPPED"), &["the ground is falling"]);
    leaving_by_the_wrong_door: rust("behave = \"exit\"", GivenUp("TRAPPED"), &["exit"]);
    a_trap_after_the_answer: wat(Wat { more: TRAP_AFTER, ..Wat::DONE }, GivenUp("TRAPPED"), &["unreachable"]);
    text_that_is_not_utf_8: wat(Wat { more: NOT_UTF_8, ..Wat::DONE }, GivenUp("TRAPPED"), &["utf-8"]);
    a_log_line_that_is_not_utf_8: wat(Wat { imports: LOG, run: LOG_NOT_UTF_8, more: FF_FE, ..Wat::DONE }, GivenUp("TRAPPED"), &["utf-8"]);
    text_beyond_its_memory: wat(Wat { more: TEXT_BEYOND, ..Wat::DONE }, GivenUp("TRAPPED"), &["out of bounds"]);
    an_answer_that_is_none: wat(Wat { more: SEVENTH_OUTCOME, ..Wat::DONE }, GivenUp("TRAPPED"), &["discriminant"]);
    room_beyond_its_memory: wat(Wat { realloc: "(i32.const -16)", ..Wat::DONE }, GivenUp("TRAPPED"), &["realloc"]);
    asking_while_it_is_told: wat(Wat { imports: LOG, realloc: LOG_IN_REALLOC, ..Wat::DONE }, GivenUp("TRAPPED"), &["cannot leave"]);
    a_handle_of_its_own_making: wat(Wat { imports: CHANGES, run: FORGED_HANDLE, ..Wat::DONE }, GivenUp("TRAPPED"), &["handle"]);
    // what cannot even be added
    a_start_that_traps: wat(Wat { more: "(func $start unreachable) (start $start)", ..Wat::DONE }, NotAdded, &["unreachable"]);
    a_start_without_end: wat(Wat { more: "(func $start (loop (br 0))) (start $start)", ..Wat::DONE }, NotAdded, &["within the limits"]);
    memory_from_the_start: wat(Wat { pages: 8192, ..Wat::DONE }, NotAdded, &["memory"]);
    tables_from_the_start: wat(Wat { more: "(table 200000 funcref)", ..Wat::DONE }, NotAdded, &["tables"]);
    wider_memory: file(memory_of_64_bits, &["bad.wasm"]);
    other_types: wat(Wat { wit: |wit| wit.replace("summary: string,", "summary: string, mood: u8,"), ..Wat::DONE }, NotAdded, &["does not fit this pressroom"]);
    another_version: wat(Wat { version: "0.2.0", ..Wat::DONE }, NotAdded, &["0.2.0", "version"]);
    an_import_that_nobody_has: wat(Wat { imports: STRAY, run: "(call $stray) (i32.const 512)", ..Wat::DONE }, NotAdded, &["example:other/thing"]);
    a_bomb_for_the_compiler: Case { compiler: &["--as=536870912"], ..file(compile_bomb, &["takes more than it may"]) };
    a_file_that_is_cut_off: file(|| { let whole = bad_plugin(); whole[..whole.len() / 2].to_vec() }, &["broken"]);
    a_file_with_one_byte_less: file(|| { let mut whole = bad_plugin(); whole.pop(); whole }, &["broken"]);
    a_module_without_its_shell: file(|| parse("(module)"), &["core module"]);
    native_code_under_the_name_of_a_component: file(|| tool::read(Path::new("/proc/self/exe"))[..1 << 20].to_vec(), &["native code"]);
    components_within_components: file(|| parse(&format!("{}{}", "(component ".repeat(40), ")".repeat(40))), &["without end"]);
    // what is exchanged between its check and its run
    an_artefact_that_was_exchanged: rust("behave = \"done\"", NotBegun, &["is not the one that was made here"]).after(exchange_the_artefact);
    an_artefact_of_another_hook: rust("behave = \"done\"", NotBegun, &["is not the one that was made here"]).after(artefact_of_another);
    a_component_that_was_exchanged: rust("behave = \"done\"", NotBegun, &["not the component that its grant names"]).after(exchange_the_component);
    native_code_in_place_of_the_component: rust("behave = \"done\"", NotBegun, &["not the component that its grant names"]).after(artefact_as_component);
    // executables
    an_executable_that_leaves_a_fifo: script("mkfifo $DISTSROOT/aurora/pipe", GivenUp("FAILED"), &["dists/aurora/pipe (a FIFO)"]);
    an_executable_that_leaves_a_socket: script("python3 -c 'import socket, os; socket.socket(socket.AF_UNIX).bind(os.environ[\"DISTSROOT\"] + \"/s\")'", GivenUp("FAILED"), &["dists/s (a socket)"]);
    an_executable_that_leaves_a_setuid_file: script("cp /bin/sh $DISTSROOT/aurora/sh; chmod 4755 $DISTSROOT/aurora/sh", GivenUp("FAILED"), &["dists/aurora/sh (a file with a setuid"]);
    an_executable_that_links_out: script("ln -s ../../../../../keys/signing-key.asc $DISTSROOT/aurora/key", GivenUp("FAILED"), &["dists/aurora/key (a link to", "leads out"]);
    an_executable_that_links_to_the_host: script("ln -s /etc $DISTSROOT/aurora/etc", GivenUp("FAILED"), &["dists/aurora/etc (a link to /etc"]);
    an_executable_that_puts_a_link_in_place_of_the_tree: script("mv $DISTSROOT $DISTSROOT.x && ln -s /etc $DISTSROOT", GivenUp("FAILED"), &["dists (a link to /etc"]);
    an_executable_with_a_flood_of_output: script("yes | head -c 50000000; echo end", Published("DONE", &[]), &["bytes before this were not kept", "end"]);
    an_executable_that_looks_around: script("env | cut -d= -f1 | sort | tr '\\n' ' '; test ! -e /proc/self/fd/9 && echo 'nothing is open'", Published("DONE", &[]), &["ARCHIVEROOT DISTSROOT OVERRIDEROOT PATH PWD SITE_NAME", "nothing is open"]);
}

// ---------------------------------------------------------------- what every case goes through

/// A root with a published package, and a newer one that waits.
fn pending() -> Root {
    static PREPARED: OnceLock<Root> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| {
        let root = Root::new();
        import(&root, "good", "1.0");
        root.ok(&["publish"]);
        import(&root, "good", "1.1");
        root
    });
    prepared.copy()
}

fn import(root: &Root, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new(name, version).write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

/// What clients see, but for the pool, which only grows, and what a test itself has put there.
fn live(root: &Root) -> Picture {
    let mut picture = Picture::new();
    for tree in pressroom_tests::apt::names_in(&root.served()) {
        let folder = root.served().join(&tree);
        if tree != "pool" && folder.is_dir() {
            let is_own =
                |path: &str| path == "link" || path.ends_with("/link") || path == "fifo" || path == "shared";
            let files = without_fifo(&folder);
            picture.extend(
                files
                    .into_iter()
                    .filter(|(path, _)| !is_own(path) && !path.ends_with('/'))
                    .map(|(path, what)| (format!("{tree}/{path}"), what)),
            );
        }
    }
    picture
}

/// [`picture`] reads files, and would wait for a FIFO.
fn without_fifo(folder: &Path) -> Picture {
    let fifo = folder.join("fifo");
    if !fifo.exists() {
        return picture(folder);
    }
    let aside = folder.parent().unwrap().parent().unwrap().join("fifo-aside");
    std::fs::create_dir_all(&aside).unwrap();
    let kept = tool::run(tool("mv").arg(&fifo).arg(&aside)).exits(0);
    drop(kept);
    let picture = picture(folder);
    tool::run(tool("mv").arg(aside.join("fifo")).arg(folder)).exits(0);
    picture
}

/// The tree that the pass makes without any hook.
fn expected() -> &'static Picture {
    static EXPECTED: OnceLock<Picture> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let root = pending();
        root.ok(&["publish"]);
        live(&root)
    })
}

/// Publishes within limits that no well-behaved publisher comes near, whatever its hooks do.
fn publish(root: &Root) -> Ran {
    bounded(&root.command(&["publish"]), &["--data=1073741824", "--cpu=120", "--fsize=268435456"])
}

/// The row of the bad hook in the last run.
fn row(root: &Root) -> Value {
    let history = root.ok(&["--format", "json", "history", "-n", "1"]).stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let runs = history.as_array().unwrap_or_else(|| history["result"].as_array().unwrap());
    let hooks = runs[0]["hooks"].as_array().unwrap();
    let is_bad = |hook: &&Value| hook["hook"].as_str().unwrap().starts_with("50-bad");
    hooks.iter().find(is_bad).unwrap_or_else(|| panic!("no row for the hook: {history}")).clone()
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "this was to say {word:?}:\n{text}");
    }
}

/// Takes a bad hook through everything.
#[track_caller]
fn check(case: Case) {
    let root = pending();
    let before = live(&root);
    let added = add(&root, &case);
    if matches!(case.end, NotAdded) {
        assert!(added.code == Some(1), "{}", added.account());
        says(&added.everything(), case.words);
        let left = picture(&root.path().join("hooks"));
        assert!(
            left.keys().all(|path| path.ends_with('/')),
            "something is left in the hook folders: {left:?}"
        );
        root.ok(&["publish"]);
        assert_same("the tree and the expected one", &live(&root), expected());
        return;
    }
    let added = added.exits(0);
    drop(added);
    (case.before)(&root);
    let ran = publish(&root);
    match case.end {
        NotAdded => unreachable!("it was not added"),
        NotBegun => {
            let ran = ran.exits(3);
            says(&ran.everything(), case.words);
            assert_same("the tree before and after", &before, &live(&root));
        }
        GivenUp(outcome) => {
            let ran = ran.exits(1).says(&["bad"]);
            assert!(ran.everything().len() < 1 << 20, "the operator is flooded");
            judge(&row(&root), outcome, &case);
            assert_same("the tree before and after", &before, &live(&root));
        }
        Published(outcome, adds) => {
            let ran = ran.exits(0);
            assert!(ran.everything().len() < 1 << 20, "the operator is flooded");
            judge(&row(&root), outcome, &case);
            let mut expected = expected().clone();
            for (path, content) in adds {
                expected.insert((*path).to_owned(), pressroom_tests::tree::sha256(content.as_bytes()));
            }
            assert_same("the tree and the expected one", &live(&root), &expected);
        }
    }
    // and the publisher goes on
    for file in ["50-bad.wasm", "50-bad.toml", "50-bad", "40-other.wasm", "40-other.toml"] {
        let path = root.hooks("pre-publication").join(file);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.1"]);
    assert_same("the tree in the end and the expected one", &live(&root), expected());
    root.verify(SERIES);
    import(&root, "later", "1.0");
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.1", "later 1.0"]);
}

/// Holds the hook's row against what is documented, and its memory against its limit.
#[track_caller]
fn judge(row: &Value, outcome: &str, case: &Case) {
    assert_eq!(row["outcome"], outcome, "{row:#}");
    let text = ["summary", "details", "log"].map(|field| row[field].as_str().unwrap().to_owned()).join("\n");
    assert!(text.len() < 256 << 10, "{} bytes are kept", text.len());
    says(&text, case.words);
    if let Some(peak) = row["peak_memory_bytes"].as_u64() {
        let limit = if case.limits.contains("memory-bytes = 33554432") { 32 << 20 } else { 256 << 20 };
        assert!(peak <= limit, "{row:#}");
    }
}

/// Adds the hook as an operator would who trusts its author, or puts the executable in place.
fn add(root: &Root, case: &Case) -> Ran {
    let component = root.path().join("bad.wasm");
    let config = match &case.hook {
        Hook::Rust(config) => {
            tool::write(&component, bad_plugin());
            config
        }
        Hook::Wat(wat) => {
            tool::write(&component, wat.component());
            ""
        }
        Hook::File(content) => {
            tool::write(&component, content());
            ""
        }
        Hook::Script(text) => {
            write_program(
                &root.hooks("pre-publication").join("50-bad"),
                &format!("#!/bin/sh\nset -e\n{text}\n"),
            );
            return root.run(&["hook", "list"]);
        }
    };
    add_component(root, "bad", 50, &component, case, config)
}

fn add_component(root: &Root, name: &str, order: u8, component: &Path, case: &Case, config: &str) -> Ran {
    let manifest = root.path().join(format!("{name}.toml"));
    let Case { capabilities, limits, .. } = case;
    tool::write(
        &manifest,
        format!(
            "name = \"{name}\"\npoints = [\"pre-publication\"]\norder = {order}\n[capabilities]\n{capabilities}\n[limits]\n{limits}\n[config]\n{config}\n"
        ),
    );
    let paths = [component, &manifest].map(|path| path.to_str().unwrap().to_owned());
    let add = root.command(&["hook", "add", &paths[0], "--manifest", &paths[1], "--grant", "requested"]);
    bounded(&add, case.compiler)
}

/// The same command within limits of the kernel, which all that it starts inherits.
fn bounded(command: &Command, limits: &[&str]) -> Ran {
    let mut bounded = tool("sh");
    // and with a file open that is meant for nobody
    bounded
        .args(["-c", "exec 9</etc/passwd; exec prlimit \"$@\"", "sh"])
        .args(limits)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    bounded.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    tool::run(bounded.env_remove("PRESSROOM_ROOT").stdin(Stdio::null()))
}

fn bad_plugin() -> Vec<u8> {
    tool::read(&binary::hook("bad_plugins"))
}

// ---------------------------------------------------------------- what is done behind the hook's back

/// Links that an operator, or a hook of the past, has left in the live trees.
fn link_in_the_live_tree(root: &Root) {
    tool::make_folder(&root.served().join("project"));
    for (at, target) in
        [(root.suite(SERIES).join("link"), "/etc"), (root.served().join("project/link"), "../../../keys")]
    {
        std::os::unix::fs::symlink(target, at).unwrap();
    }
}

fn fifo_in_the_live_tree(root: &Root) {
    tool::make_folder(&root.served().join("project"));
    tool::run(tool("mkfifo").arg(root.served().join("project/fifo"))).exits(0);
}

/// A hook that comes before, and writes a file.
fn another_hook(root: &Root) {
    let component = root.path().join("other.wasm");
    tool::write(&component, bad_plugin());
    let case = rust("", NotAdded, &[]);
    let config = "behave = \"write\"\npath = \"project/shared\"";
    let added = add_component(root, "other", 40, &component, &case, config).exits(0);
    drop(added);
}

/// The one artefact that there is.
fn artefact(root: &Root) -> PathBuf {
    let folder = root.path().join("cache/hooks");
    let names = pressroom_tests::apt::names_in(&folder);
    let [name] = names.as_slice() else { panic!("{names:?}") };
    folder.join(name)
}

fn exchange_the_artefact(root: &Root) {
    let path = artefact(root);
    let mut code = tool::read(&path);
    let middle = code.len() / 2;
    code[middle] ^= 1;
    tool::write(&path, code);
}

fn artefact_of_another(root: &Root) {
    let path = artefact(root);
    let bytes = Wat::DONE.component();
    let component = root.path().join("other.wasm");
    tool::write(&component, bytes);
    let case = rust("", NotAdded, &[]);
    drop(add_component(root, "other", 40, &component, &case, "").exits(0));
    let names = pressroom_tests::apt::names_in(path.parent().unwrap());
    let other = names.iter().map(|name| path.with_file_name(name)).find(|other| *other != path).unwrap();
    tool::write(&path, tool::read(&other));
    for file in ["40-other.wasm", "40-other.toml"] {
        std::fs::remove_file(root.hooks("pre-publication").join(file)).unwrap();
    }
}

fn exchange_the_component(root: &Root) {
    tool::write(&root.hooks("pre-publication").join("50-bad.wasm"), Wat::DONE.component());
}

fn artefact_as_component(root: &Root) {
    tool::write(&root.hooks("pre-publication").join("50-bad.wasm"), tool::read(&artefact(root)));
}

// ---------------------------------------------------------------- components that no compiler would make

/// A core module with a pre-publication point, as the component model's own calling convention has it.
struct Wat {
    imports: &'static str,
    /// What `run` does; it leaves the place of its answer, 24 bytes: zeroes are a report with nothing in it.
    run: &'static str,
    /// What makes room for what the host tells.
    realloc: &'static str,
    pages: u32,
    more: &'static str,
    /// What becomes of the interfaces.
    wit: fn(String) -> String,
    version: &'static str,
}

impl Wat {
    /// One that behaves.
    const DONE: Self = Self {
        imports: "",
        run: "(i32.const 512)",
        realloc: "(local.set 0 (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
                  (global.set $top (i32.add (local.get 0) (local.get 3))) (local.get 0)",
        pages: 1,
        more: "",
        wit: |wit| wit,
        version: "0.1.0",
    };

    fn component(&self) -> Vec<u8> {
        let Self { imports, run, realloc, pages, more, version, .. } = self;
        let mut module = parse(&format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                (global $top (mut i32) (i32.const 1024))
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "pressroom:hooks/pre-publication@{version}#run")
                    (param i64 i64 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32) (result i32) {run})
                {more})"#
        ));
        let folder = workspace().join("wit");
        let worlds = read_text(&folder.join("worlds.wit")).replace("package pressroom:hooks@0.1.0;", "");
        let wit = read_text(&folder.join("hooks.wit")) + &worlds;
        let wit = (self.wit)(wit).replace("@0.1.0;", &format!("@{version};"));
        let mut resolve = wit_parser::Resolve::new();
        resolve.push_str("hooks.wit", &wit).unwrap();
        resolve.push_str("random.wit", "package wasi:random@0.2.0; interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }").unwrap();
        resolve.push_str("other.wit", "package example:other; interface thing { stray: func(); }").unwrap();
        let world = format!(
            "package test:bad; world bad {{
                import pressroom:hooks/log@{version}; import pressroom:hooks/archive@{version};
                import wasi:random/random@0.2.0; import example:other/thing;
                export pressroom:hooks/pre-publication@{version};
            }}"
        );
        let package = resolve.push_str("bad.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("bad")).unwrap();
        let encoding = wit_component::StringEncoding::UTF8;
        wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
        let mut encoder = wit_component::ComponentEncoder::default().module(&module).unwrap();
        encoder.encode().unwrap()
    }
}

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

const GROW_TABLES: &str =
    "(loop (br_if 0 (i32.ne (table.grow 0 (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
const RANDOM: &str = r#"(import "wasi:random/random@0.2.0" "get-random-u64" (func $u64 (result i64)))
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $bytes (param i64 i32)))"#;
const RANDOM_FLOOD: &str = "(loop (drop (call $u64)) (br 0)) unreachable";
const RANDOM_AT_ONCE: &str = "(call $bytes (i64.const -1) (i32.const 256)) (i32.const 512)";
const LOG: &str = r#"(import "pressroom:hooks/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
const LOG_NOT_UTF_8: &str = "(call $log (i32.const 1) (i32.const 64) (i32.const 2)) (i32.const 512)";
const LOG_IN_REALLOC: &str = "(call $log (i32.const 1) (i32.const 64) (i32.const 2)) (i32.const 1024)";
const FF_FE: &str = r#"(data (i32.const 64) "\ff\fe")"#;
/// A report whose summary is at 64, of two bytes.
const NOT_UTF_8: &str = r#"(data (i32.const 64) "\ff\fe") (data (i32.const 520) "\40\00\00\00\02\00\00\00")"#;
const TEXT_BEYOND: &str = r#"(data (i32.const 520) "\f0\ff\00\00\ff\ff\ff\7f")"#;
const SEVENTH_OUTCOME: &str = r#"(data (i32.const 516) "\07")"#;
const TRAP_AFTER: &str =
    r#"(func (export "cabi_post_pressroom:hooks/pre-publication@0.1.0#run") (param i32) unreachable)"#;
const CHANGES: &str =
    r#"(import "pressroom:hooks/archive@0.1.0" "[method]change-set.next" (func $next (param i32 i32 i32)))"#;
const FORGED_HANDLE: &str = "(call $next (i32.const 42) (i32.const 1) (i32.const 256)) (i32.const 512)";
const STRAY: &str = r#"(import "example:other/thing" "stray" (func $stray))"#;

fn memory_of_64_bits() -> Vec<u8> {
    parse(
        r#"(component (core module $m (memory i64 1)) (core instance (instantiate $m))
            (instance $f) (export "pressroom:hooks/finalize@0.1.0" (instance $f)))"#,
    )
}

/// A small file that takes a compiler very much memory: one function in which a great many values are alive at once, over a great many branches.
fn compile_bomb() -> Vec<u8> {
    let values = 3_000;
    let blocks = 3_000;
    let mut text =
        String::from("(component (core module (func (export \"f\") (param i32) (result i32) (local");
    text.push_str(&" i32".repeat(values));
    text.push(')');
    for number in 1..=values {
        text.push_str(&format!("(local.set {number} (i32.mul (local.get 0) (i32.const {number})))"));
    }
    for number in 0..blocks {
        let value = 1 + number * 7 % values;
        text.push_str(&format!(
            "(if (i32.and (local.get {value}) (i32.const 1)) (then (loop (local.set {value} (i32.add (local.get {value}) (local.get 0))) (br_if 0 (local.get {value})))))"
        ));
    }
    text.push_str("(local.get 0)");
    for number in 1..=values {
        text.push_str(&format!("(i32.add (local.get {number}))"));
    }
    text.push_str(")) (instance $f) (export \"pressroom:hooks/pre-publication@0.1.0\" (instance $f)))");
    parse(&text)
}

// ---------------------------------------------------------------- a kernel that lacks a wall

/// Runs a program whose kernel has no Landlock: its three calls, 444 to 446 on every architecture, are answered with ENOSYS.
const WITHOUT_LANDLOCK: &str = r#"
import ctypes, os, struct, sys
program = b"".join(struct.pack("HBBI", *instruction) for instruction in [
    (0x20, 0, 0, 0),           # the number of the call
    (0x35, 0, 2, 444),         # below 444: allowed
    (0x25, 1, 0, 446),         # above 446: allowed
    (0x06, 0, 0, 0x00050000 + 38),
    (0x06, 0, 0, 0x7fff0000),
])
text = ctypes.create_string_buffer(program, len(program))
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(text)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"#;

fn without_landlock(root: &Root, arguments: &[&str]) -> Ran {
    let command = root.command(arguments);
    let mut python = tool("python3");
    python.args(["-c", WITHOUT_LANDLOCK]).arg(command.get_program()).args(command.get_args());
    tool::run(python.env_remove("PRESSROOM_ROOT").stdin(Stdio::null()))
}

#[test]
fn a_wall_that_is_missing_is_said_once_and_shown() {
    let root = pending();
    let case = rust("behave = \"done\"", NotAdded, &[]);
    drop(add(&root, &case).exits(0));
    another_hook(&root);
    root.ok(&["status"]).says(&["Walls around hooks: Landlock, seccomp, rlimits"]);
    let status: Value = serde_json::from_str(&root.ok(&["--format", "json", "status"]).stdout).unwrap();
    let walls = if status["walls"].is_object() { &status["walls"] } else { &status["result"]["walls"] };
    assert_eq!((&walls["landlock"]["stands"], &walls["required"]), (&Value::Bool(true), &Value::Bool(false)));
    without_landlock(&root, &["status"])
        .exits(0)
        .says(&["no Landlock (this kernel has none), seccomp, rlimits"]);
    let ran = without_landlock(&root, &["publish"]).exits(0);
    assert_eq!(ran.everything().matches("missing: Landlock").count(), 1, "{}", ran.account());
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.1"]);
}

#[test]
fn where_walls_are_required_nothing_is_published_with_hooks_that_lack_one() {
    let root = pending();
    let before = live(&root);
    let configuration = root.path().join("pressroom.toml");
    let changed = read_text(&configuration).replace("# require-walls = false", "require-walls = true");
    tool::write(&configuration, changed);
    drop(add(&root, &rust("behave = \"done\"", NotAdded, &[])).exits(0));
    for arguments in [&["publish", "--dry-run"][..], &["publish"], &["hook", "list"], &["status"]] {
        let ran = without_landlock(&root, arguments);
        assert!(arguments[0] != "publish" || ran.code == Some(3), "{}", ran.account());
        ran.says(&["require-walls", "Landlock"]);
    }
    assert_same("the tree before and after", &before, &live(&root));
    let added = without_landlock(&root, &["hook", "add", binary::hook("trace").to_str().unwrap()]).exits(1);
    added.says(&["a wall that has to stand", "Landlock"]);
    // with all walls it runs, and without hooks no wall is needed
    root.copy().ok(&["publish"]);
    for file in ["50-bad.wasm", "50-bad.toml"] {
        std::fs::remove_file(root.hooks("pre-publication").join(file)).unwrap();
    }
    drop(without_landlock(&root, &["publish"]).exits(0));
    assert_same("the tree and the expected one", &live(&root), expected());
}

// ---------------------------------------------------------------- the table

#[test]
fn every_case_is_in_the_table_and_every_row_is_a_case() {
    let table = read_text(&workspace().join("tests/bad-plugins/README.md"));
    let rows: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(name, _)| name))
        .collect();
    assert_eq!(rows, NAMES);
    assert!(NAMES.len() >= 30);
}
