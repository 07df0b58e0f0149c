//! A hook that misbehaves as its configuration says, for the tests of whoever must bear it.
//!
//! `{"behave": "loop"}` chooses what it does; it exports all three points. What is tried and refused ends as `failed` with
//! the host's reason; with `"insist": true` the hook goes on as if nothing had been said, and reports the refusals in its
//! details. `"amount"` is how often or how much, where that makes sense; without it, without end or nearly so.

use pressroom_plugin::{
    Finalize, FinalizeContext, HookError, Host, HostExt, Index, Level, PassContext, PostPublication,
    PrePublication, Report, SigningMode, StagingHost, StagingHostExt,
};
use serde::Deserialize;

/// The hook.
pub struct Bad;

pressroom_plugin::hooks!(Bad: pre_publication, post_publication, finalize);

/// What the operator wishes for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    behave: Behaviour,
    #[serde(default)]
    insist: bool,
    amount: Option<u64>,
    /// Instead of the path that the behaviour has by itself.
    path: Option<String>,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    /// Nothing bad: done, with the archive's name in the summary.
    Done,
    /// Says that there is nothing to do.
    Skipped,
    /// Answers with a veto.
    Veto,
    /// Answers with a temporary failure.
    Temporary,
    /// Answers with a failure.
    Failed,
    /// Panics with a message.
    Panic,
    /// Does its work, and panics when what it had is dropped.
    PanicInDrop,
    /// Leaves by the door of command-line programs.
    Exit,
    /// Computes without end.
    Loop,
    /// Sleeps `amount` seconds, or an hour.
    Sleep,
    /// Takes memory without end.
    Allocate,
    /// Calls itself without end.
    Recurse,
    /// Writes `amount` lines to the log.
    LogFlood,
    /// Writes one line of 1 MiB, one with line breaks and one with a terminal's commands to the log.
    OddLog,
    /// Writes to standard output without end.
    StdoutFlood,
    /// Writes to standard error without end.
    StderrFlood,
    /// Reports `amount` bytes, or 8 MiB.
    HugeReport,
    /// A veto as long.
    HugeVeto,
    /// A summary of several lines with a terminal's commands.
    OddReport,
    /// Asks the host `amount` times.
    HostCallStorm,
    /// Hands the host `amount` bytes at once, or 64 MiB.
    HugeHostCall,
    /// Opens change sets without end.
    OpenHandles,
    /// Reads all changes, all suites and the indexes of its suites, again and again: `amount` times.
    ReadMuch,
    /// Keeps `amount` values of 64 KiB.
    StateBomb,
    /// Forgets `amount` keys that were never there.
    ForgetMuch,
    /// Uses keys that are none.
    BadKeys,
    /// Looks for folders, variables, arguments, network and the time, and reports what there is.
    LookAround,
    /// Writes one well-behaved file: `path`, or `project/bad`.
    Write,
    /// Writes a file above the root.
    EscapingPath,
    /// Writes `/etc/passwd`.
    AbsolutePath,
    /// Writes paths of every other odd kind.
    OddPaths,
    /// Writes over the Release files of its suites.
    OverwriteRelease,
    /// Writes where nobody has let it.
    OutsideGrant,
    /// Writes `amount` small files, or 100 000.
    ManyFiles,
    /// Writes one file of `amount` bytes, or 4 GiB, by appending.
    ManyBytes,
    /// Appends to a file that it has not written.
    AppendUnwritten,
    /// Removes a file: `path`, or the Packages file of its first suite.
    Remove,
    /// Signs a file of its own making.
    Sign,
    /// Reads `path`, or what is not for hooks: keys, the pool, files of the host; and lists the same.
    ReadBeyond,
    /// Lists the whole tree `amount` times.
    ListStorm,
}

impl PrePublication for Bad {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        match behave(&config, &context.archive, host)? {
            Some(report) => Ok(report),
            None => behave_in_tree(&config, context, host),
        }
    }
}

impl PostPublication for Bad {
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        behave(&config, &context.archive, host)?.ok_or_else(no_tree)
    }
}

impl Finalize for Bad {
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        behave(&config, &context.archives.join(" "), host)?.ok_or_else(no_tree)
    }
}

fn no_tree() -> HookError {
    HookError::failed("there is no staged tree at this point")
}

/// What can be done at every point; nothing if it takes the staged tree.
fn behave(config: &Config, archive: &str, host: &mut dyn Host) -> Result<Option<Report>, HookError> {
    let amount = config.amount;
    let mut refusals = Refusals::new(config.insist);
    match config.behave {
        Behaviour::Done => {
            host.info("all is well");
            return Ok(Some(Report::done(format!("done with {archive}")).with_details("nothing to add")));
        }
        Behaviour::Skipped => return Ok(Some(Report::skipped("nothing to do"))),
        Behaviour::Veto => return Err(HookError::veto("not on my watch")),
        Behaviour::Temporary => return Err(HookError::temporary("the moon is not full")),
        Behaviour::Failed => return Err(HookError::failed("it does not work")),
        Behaviour::Panic => panic!("the sky is falling"),
        Behaviour::PanicInDrop => {
            struct Bomb;
            impl Drop for Bomb {
                fn drop(&mut self) {
                    panic!("the ground is falling");
                }
            }
            let _bomb = Bomb;
            return Ok(Some(Report::done("all is well")));
        }
        Behaviour::Exit => std::process::exit(0),
        Behaviour::Loop => {
            let mut number = 0_u64;
            loop {
                number = std::hint::black_box(number.wrapping_add(1));
            }
        }
        #[expect(clippy::disallowed_methods, reason = "sleeping is what is wrong with it")]
        Behaviour::Sleep => std::thread::sleep(std::time::Duration::from_secs(amount.unwrap_or(3600))),
        Behaviour::Allocate => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        Behaviour::Recurse => {
            std::hint::black_box(recurse(std::hint::black_box(1)));
        }
        Behaviour::LogFlood => {
            for number in 0..amount.unwrap_or(u64::MAX) {
                host.log(Level::Info, &format!("line {number}"));
            }
        }
        Behaviour::OddLog => {
            host.log(Level::Warn, &"x".repeat(1 << 20));
            host.log(Level::Error, "one\ntwo\r\nthree");
            host.log(Level::Debug, "\u{1b}[2J\u{7}");
        }
        Behaviour::StdoutFlood => {
            for number in 0..amount.unwrap_or(u64::MAX) {
                println!("line {number} of something that nobody wants to read");
            }
        }
        Behaviour::StderrFlood => {
            for number in 0..amount.unwrap_or(u64::MAX) {
                eprintln!("line {number} of something that nobody wants to read");
            }
        }
        Behaviour::HugeReport => return Ok(Some(Report::done("much").with_details(much(amount)))),
        Behaviour::HugeVeto => return Err(HookError::veto(much(amount))),
        Behaviour::OddReport => {
            return Ok(Some(Report::done("one\ntwo\u{1b}[2J").with_details("three\nfour\u{1b}[2J")));
        }
        Behaviour::HostCallStorm => {
            for _ in 0..amount.unwrap_or(u64::MAX) {
                refusals.note(host.state_get("key"))?;
            }
        }
        Behaviour::HugeHostCall => {
            let value = vec![0; amount.unwrap_or(64 << 20) as usize];
            refusals.note(host.state_set("key", &value))?;
        }
        Behaviour::OpenHandles => {
            let mut open = Vec::new();
            for _ in 0..amount.unwrap_or(u64::MAX) {
                open.extend(refusals.note(host.changes())?);
            }
        }
        Behaviour::ReadMuch => return read_much(amount.unwrap_or(u64::MAX), archive, host).map(Some),
        Behaviour::StateBomb => {
            for number in 0..amount.unwrap_or(u64::MAX) {
                refusals.note(host.state_set(&format!("key {number}"), &[0; 64 << 10]))?;
            }
        }
        Behaviour::ForgetMuch => {
            for number in 0..amount.unwrap_or(u64::MAX) {
                refusals.note(host.state_delete(&format!("{number:0>256}")))?;
            }
        }
        Behaviour::BadKeys => {
            for key in ["", &"k".repeat(257), "with\nbreak"] {
                refusals.note(host.state_set(key, b"value"))?;
            }
        }
        Behaviour::LookAround => return Ok(Some(Report::done("looked around").with_details(look_around()))),
        Behaviour::Write
        | Behaviour::EscapingPath
        | Behaviour::AbsolutePath
        | Behaviour::OddPaths
        | Behaviour::OverwriteRelease
        | Behaviour::OutsideGrant
        | Behaviour::ManyFiles
        | Behaviour::ManyBytes
        | Behaviour::AppendUnwritten
        | Behaviour::Remove
        | Behaviour::Sign
        | Behaviour::ReadBeyond
        | Behaviour::ListStorm => return Ok(None),
    }
    Ok(Some(refusals.report()))
}

/// What takes the staged tree.
fn behave_in_tree(
    config: &Config,
    context: &PassContext,
    host: &mut dyn StagingHost,
) -> Result<Report, HookError> {
    let mut refusals = Refusals::new(config.insist);
    let own_path = |otherwise: &str| config.path.clone().unwrap_or_else(|| otherwise.to_owned());
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others have been done before")]
    let paths: Vec<String> = match config.behave {
        Behaviour::EscapingPath => vec![own_path("../escaped")],
        Behaviour::AbsolutePath => vec![own_path("/etc/passwd")],
        Behaviour::OddPaths => [
            "",
            ".",
            "..",
            "project/../../escaped",
            "project/./bad",
            "project//bad",
            "project/",
            "project/\0bad",
            "project/bad\nline",
            "./project/bad",
            "project/bad/..",
            "dists",
            "project\\..\\bad",
        ]
        .map(str::to_owned)
        .to_vec(),
        Behaviour::OverwriteRelease => context
            .suites
            .iter()
            .flat_map(|suite| {
                ["Release", "InRelease", "Release.gpg"].map(|file| format!("dists/{}/{file}", suite.name))
            })
            .collect(),
        Behaviour::OutsideGrant => vec![own_path("pool/main/b/bad/bad_1.0_all.deb")],
        Behaviour::ManyFiles => {
            (0..config.amount.unwrap_or(100_000)).map(|number| format!("project/bad/{number}")).collect()
        }
        Behaviour::ManyBytes => {
            let path = own_path("project/bad");
            let part = vec![b'x'; 1 << 20];
            refusals.note(host.write(&path, b""))?;
            let mut left = usize::try_from(config.amount.unwrap_or(1 << 30)).unwrap_or(usize::MAX);
            while left > 0 {
                let length = left.min(part.len());
                refusals.note(host.append(&path, &part[..length]))?;
                left -= length;
            }
            Vec::new()
        }
        Behaviour::AppendUnwritten => {
            refusals.note(host.append(&own_path("project/bad"), b"more"))?;
            Vec::new()
        }
        Behaviour::Remove => {
            let suite = context.suites.first().map_or("bookworm", |suite| suite.name.as_str());
            refusals.note(host.remove(&own_path(&format!("dists/{suite}/main/binary-amd64/Packages"))))?;
            Vec::new()
        }
        Behaviour::Sign => {
            let path = own_path("project/bad");
            refusals.note(host.write(&path, b"signed by you\n"))?;
            refusals.note(host.sign(&path, &format!("{path}.gpg"), SigningMode::Detached))?;
            Vec::new()
        }
        Behaviour::ReadBeyond => {
            let beyond = [
                "../../keys/signing-key.asc",
                "../../../pressroom.toml",
                "/etc/passwd",
                "pool/main/g/good/good_1.0_all.deb",
                "project/../../acme-overrides",
                "dists/aurora/link/passwd",
            ];
            let paths = match &config.path {
                Some(path) => vec![path.as_str()],
                None => beyond.to_vec(),
            };
            for path in paths {
                if refusals.note(host.read(path, 0, 1 << 20))?.is_some() {
                    return Ok(Report::done(format!("has read {path}")));
                }
                let _ = refusals.note(host.list_files(path))?;
            }
            Vec::new()
        }
        Behaviour::ListStorm => {
            for _ in 0..config.amount.unwrap_or(u64::MAX) {
                refusals.note(host.list_files(""))?;
            }
            Vec::new()
        }
        _ => vec![own_path("project/bad")],
    };
    for path in &paths {
        if refusals.note(host.write(path, b"bad\n"))?.is_some() {
            let back = host.read_whole(path)?;
            if back != b"bad\n" {
                return Err(HookError::failed(format!("{path} does not read as it was written")));
            }
        }
    }
    Ok(refusals.report())
}

/// What the host refused.
struct Refusals {
    insist: bool,
    reasons: Vec<String>,
    tries: u64,
}

impl Refusals {
    fn new(insist: bool) -> Self {
        Self { insist, reasons: Vec::new(), tries: 0 }
    }

    /// The value, or nothing if it was refused and the hook insists.
    fn note<T, E: std::fmt::Debug>(&mut self, result: Result<T, E>) -> Result<Option<T>, HookError> {
        self.tries += 1;
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.insist => {
                if self.reasons.len() < 20 {
                    self.reasons.push(format!("{error:?}"));
                }
                Ok(None)
            }
            Err(error) => Err(HookError::failed(format!("{error:?}"))),
        }
    }

    fn report(self) -> Report {
        Report::done(format!("tried {} times", self.tries)).with_details(self.reasons.join("\n"))
    }
}

fn much(amount: Option<u64>) -> String {
    "x".repeat(amount.unwrap_or(8 << 20) as usize)
}

#[expect(unconditional_recursion, reason = "that is what is wrong with it")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1))) + depth
}

fn read_much(times: u64, archive: &str, host: &mut dyn Host) -> Result<Report, HookError> {
    let mut read = 0_u64;
    for _ in 0..times {
        for change in host.changes()? {
            change?;
            read += 1;
        }
        for suite in host.suites(archive)? {
            for component in &suite.components {
                for architecture in suite.architectures.iter().map(String::as_str).chain(["source"]) {
                    let index = Index {
                        archive: archive.to_owned(),
                        suite: suite.name.clone(),
                        component: component.clone(),
                        architecture: architecture.to_owned(),
                    };
                    for package in host.packages(&index)? {
                        package?;
                        read += 1;
                    }
                }
            }
        }
    }
    Ok(Report::done(format!("read {read} records")))
}

/// One line for each thing that there might be.
#[expect(clippy::disallowed_methods, reason = "it looks whether there is such a thing")]
fn look_around() -> String {
    let folder = |path: &str| match std::fs::read_dir(path) {
        Ok(entries) => format!("{} entries", entries.count()),
        Err(_) => "none".to_owned(),
    };
    let seconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    [
        format!("root: {}", folder("/")),
        format!("here: {}", folder(".")),
        format!("write: {}", std::fs::write("/tmp/bad", b"bad").is_ok()),
        format!("variables: {}", std::env::vars().count()),
        format!("arguments: {}", std::env::args().count()),
        format!("connect: {}", std::net::TcpStream::connect("127.0.0.1:22").is_ok()),
        format!("listen: {}", std::net::TcpListener::bind("127.0.0.1:0").is_ok()),
        format!("names: {}", std::net::ToSocketAddrs::to_socket_addrs("localhost:22").is_ok()),
        format!("clock: {seconds}"),
    ]
    .join("\n")
}
