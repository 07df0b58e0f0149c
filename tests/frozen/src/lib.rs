//! A hook that uses every interface of `pressroom:hooks@0.1.0` at each of its three points and says in its report what it saw.
//!
//! Its component is kept in `tests/fixtures/frozen/`, and the tests run that and not this: a host must run it as long as there is one. So
//! this is the source of what was built once; a later version of the WIT gets a crate and a component of its own.

use pressroom_plugin::{
    Change, Finalize, FinalizeContext, HookError, Host, HostExt, Index, Level, Package, PackageContents,
    Pages, PassContext, PostPublication, PrePublication, Report, SigningMode, StagingHost, StagingHostExt,
    Suite,
};

/// The hook.
pub struct Frozen;

pressroom_plugin::hooks!(Frozen: pre_publication, post_publication, finalize);

impl PrePublication for Frozen {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let mut seen = seen_in_pass("pre-publication", context, host)?;
        let folder = "project/frozen";
        host.write(&format!("{folder}/one"), b"first\n")?;
        host.append(&format!("{folder}/one"), b"second\n")?;
        host.write(&format!("{folder}/two"), b"gone soon\n")?;
        host.remove(&format!("{folder}/two"))?;
        host.sign(&format!("{folder}/one"), &format!("{folder}/one.gpg"), SigningMode::Detached)?;
        host.sign(&format!("{folder}/one"), &format!("{folder}/one.asc"), SigningMode::Clear)?;
        for entry in host.list_files(folder)? {
            let size =
                if entry.path.ends_with("/one") { entry.size_bytes.to_string() } else { "?".to_owned() };
            seen.push(format!("staged {} {size}", entry.path));
        }
        seen.push(format!("part {:?}", String::from_utf8_lossy(&host.read(&format!("{folder}/one"), 3, 6)?)));
        seen.push(format!(
            "whole {:?}",
            String::from_utf8_lossy(&host.read_whole(&format!("{folder}/one"))?)
        ));
        seen.push(format!("absent {:?}", host.read(&format!("{folder}/two"), 0, 1)));
        finish(seen, host)
    }
}

impl PostPublication for Frozen {
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let seen = seen_in_pass("post-publication", context, host)?;
        finish(seen, host)
    }
}

impl Finalize for Frozen {
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let FinalizeContext {
            run,
            pass,
            priority,
            distribution,
            archives,
            suites,
            started,
            site_name,
            dry_run,
        } = context;
        let mut seen = vec![
            format!(
                "finalize {distribution} {} {priority} {} dry {dry_run}",
                archives.join("+"),
                if *run > 0 && *pass > 0 && !site_name.is_empty() { "numbered" } else { "nameless" },
            ),
            format!("started {started}"),
        ];
        seen.extend(suites.iter().map(|suite| suite_line("suite", suite)));
        if let (Some(archive), Some(suite)) = (archives.first(), suites.first()) {
            ask_archive(&mut seen, archive, suite, host)?;
        }
        remember(&mut seen, host)?;
        finish(seen, host)
    }
}

fn seen_in_pass<H: Host + ?Sized>(
    point: &str,
    context: &PassContext,
    host: &mut H,
) -> Result<Vec<String>, HookError> {
    let PassContext { run, pass, priority, distribution, archive, suites, started, site_name, dry_run } =
        context;
    let mut seen = vec![
        format!(
            "{point} {distribution} {archive} {priority} {} dry {dry_run}",
            if *run > 0 && *pass > 0 && !site_name.is_empty() { "numbered" } else { "nameless" },
        ),
        format!("started {started}"),
    ];
    seen.extend(suites.iter().map(|suite| suite_line("suite", suite)));
    if let Some(suite) = suites.first() {
        ask_archive(&mut seen, archive, suite, host)?;
    }
    remember(&mut seen, host)?;
    Ok(seen)
}

fn suite_line(word: &str, suite: &Suite) -> String {
    let Suite { name, series, pocket, components, architectures } = suite;
    format!("{word} {name} of {series} {pocket:?} {} {}", components.join("+"), architectures.join("+"))
}

/// Every function of `archive`.
fn ask_archive<H: Host + ?Sized>(
    seen: &mut Vec<String>,
    archive: &str,
    suite: &Suite,
    host: &mut H,
) -> Result<(), HookError> {
    for suite in host.suites(archive)? {
        seen.push(suite_line("known", &suite));
    }
    seen.push(format!("unknown {}", host.suites("no/such").is_err()));
    list(seen, "changes", host.changes()?, |change| {
        let Change {
            action,
            kind,
            name,
            version,
            architecture,
            archive,
            suite,
            component,
            section,
            priority,
            source,
        } = change;
        format!(
            "{action:?} {kind:?} {name} {version} {architecture} {archive} {suite} {component} {section} {priority} {source}"
        )
    })?;
    let component = suite.components.first().cloned().unwrap_or_default();
    for architecture in ["source"].into_iter().chain(suite.architectures.iter().map(String::as_str)) {
        let index = Index {
            archive: archive.to_owned(),
            suite: suite.name.clone(),
            component: component.clone(),
            architecture: architecture.to_owned(),
        };
        list(seen, "packages", host.packages(&index)?, |package| {
            let Package { name, version, architecture, component, section, priority, source, source_version } =
                package;
            format!(
                "{name} {version} {architecture} {component} {section} {priority} {source} {source_version}"
            )
        })?;
        if architecture == "source" {
            seen.push(format!("files of sources {}", host.contents(&index, &[], &[]).is_err()));
            continue;
        }
        for (names, below) in [(&[][..], &["usr/".to_owned()][..]), (&["frozen-stiff".to_owned()], &[])] {
            list(seen, "contents", host.contents(&index, names, below)?, |contents| {
                let PackageContents { name, version, architecture, paths } = contents;
                format!("{name} {version} {architecture} {}", paths.join("+"))
            })?;
        }
    }
    seen.push(format!("previous {}", host.previous_pass(archive)?.is_some()));
    Ok(())
}

/// How many items of a list are told.
const TOLD: usize = 3;

/// The first items of a list, and how many there are.
fn list<T>(
    seen: &mut Vec<String>,
    word: &str,
    items: Pages<T>,
    line: impl Fn(T) -> String,
) -> Result<(), HookError> {
    let mut count = 0;
    for item in items {
        let item = item?;
        if count < TOLD {
            seen.push(format!("{word}: {}", line(item)));
        }
        count += 1;
    }
    seen.push(format!("{word}: {count}"));
    Ok(())
}

/// Every function of `state`.
fn remember<H: Host + ?Sized>(seen: &mut Vec<String>, host: &mut H) -> Result<(), HookError> {
    let calls = match host.state_get("calls")? {
        Some(kept) => String::from_utf8_lossy(&kept).parse().unwrap_or(0) + 1_u64,
        None => 1,
    };
    host.state_set("calls", calls.to_string().as_bytes())?;
    host.state_set("passing", b"by")?;
    host.state_delete("passing")?;
    seen.push(format!("call {calls}, keys {}", host.state_keys()?.join("+")));
    seen.push(format!("bad key {}", host.state_set("", b"").is_err()));
    Ok(())
}

/// `log` and `config`, and the report.
fn finish<H: Host + ?Sized>(mut seen: Vec<String>, host: &mut H) -> Result<Report, HookError> {
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        host.log(level, &format!("a line of {level:?}"));
    }
    let config: serde_json::Value = host.config()?;
    let text = |key: &str| config.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    seen.push(format!("config {}", text("greeting")));
    let details = seen.join("\n");
    match text("answer") {
        "veto" => Err(HookError::veto("as it was told")),
        "temporary" => Err(HookError::temporary("as it was told")),
        "failed" => Err(HookError::failed("as it was told")),
        "skipped" => Ok(Report::skipped("as it was told").with_details(details)),
        _ => Ok(Report::done(format!("saw {} things", seen.len())).with_details(details)),
    }
}
