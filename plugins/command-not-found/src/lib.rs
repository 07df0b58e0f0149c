//! Writes `dists/SUITE/COMPONENT/cnf/Commands-ARCHITECTURE` and its `.xz`: which package has which command, for shells whose user typed
//! one that is not installed.
//!
//! Only indexes that the pass has changed are written. When the hook has seen the pass before, it knows that its file is what that pass left, takes
//! the changed packages out of it and asks for the files of these alone; otherwise it asks for all.

pub mod logic;

use std::collections::{BTreeMap, BTreeSet};

use logic::{Config, Stanzas, Where};
use pressroom_plugin::{
    Change, HookError, HostExt, Index, PackageKind, PassContext, PrePublication, Report, StagingError,
    StagingHost, StagingHostExt,
};

/// The hook.
pub struct CommandNotFound;

pressroom_plugin::hooks!(CommandNotFound: pre_publication);

impl PrePublication for CommandNotFound {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        config.check()?;
        let seen_last = logic::number(host.state_get(&logic::pass_key(&context.archive))?.as_deref());
        let is_continuous = seen_last.is_some() && host.previous_pass(&context.archive)? == seen_last;
        let suites: Vec<&str> = context.suites.iter().map(|suite| suite.name.as_str()).collect();
        if !is_continuous {
            forget_others(&context.archive, &suites, host)?;
        }
        let touched = touched(&context.archive, host)?;
        let mut count = Count::default();
        for suite in &context.suites {
            let key = logic::suite_key(&context.archive, &suite.name);
            let known = if is_continuous {
                logic::parse_record(host.state_get(&key)?.as_deref())
            } else {
                BTreeMap::new()
            };
            let mut record = BTreeMap::new();
            for component in suite.components.iter().filter(|component| !component.contains('/')) {
                for architecture in &suite.architectures {
                    let at = Where { suite: &suite.name, component, architecture };
                    let names = touched.get(&at.owned());
                    let was = known.get(&at.name());
                    let mark =
                        index(context, &config, &at, names, was.map(String::as_str), &mut count, host)?;
                    record.insert(at.name(), mark);
                }
            }
            host.state_set(&key, logic::record_text(&record).as_bytes())?;
        }
        host.state_set(&logic::pass_key(&context.archive), context.pass.to_string().as_bytes())?;
        Ok(if count.written == 0 {
            Report::skipped("no index has changed")
        } else {
            Report::done(format!(
                "wrote {} Commands indexes, {} of them anew; {} packages have commands",
                count.written, count.anew, count.packages
            ))
        })
    }
}

/// What was done.
#[derive(Default)]
struct Count {
    written: usize,
    anew: usize,
    packages: usize,
}

/// Brings one index up to date, and gives the mark by which it is known at the next pass.
fn index(
    context: &PassContext,
    config: &Config,
    at: &Where<'_>,
    names: Option<&BTreeSet<String>>,
    was: Option<&str>,
    count: &mut Count,
    host: &mut dyn StagingHost,
) -> Result<String, HookError> {
    let path = at.path();
    let is_there = was.is_some() && logic::are_there(&path, &host.list_files(&at.folder())?);
    if let (Some(was), true, None) = (was, is_there, names)
        && logic::has_settings(was, config)
    {
        return Ok(was.to_owned());
    }
    let old = match (was, is_there, names) {
        (Some(was), true, Some(_)) => known_text(&path, was, config, host)?,
        _ => None,
    };
    let (mut stanzas, asked) = match (old, names) {
        (Some(old), Some(names)) => (Stanzas::without(&old, names), names.iter().cloned().collect()),
        _ => (Stanzas::default(), Vec::new()),
    };
    let is_anew = asked.is_empty();
    let index = Index {
        archive: context.archive.clone(),
        suite: at.suite.to_owned(),
        component: at.component.to_owned(),
        architecture: at.architecture.to_owned(),
    };
    let below = logic::FOLDERS.map(str::to_owned);
    // a question has room for so many names
    let questions: Vec<&[String]> = if is_anew { vec![&[]] } else { asked.chunks(5_000).collect() };
    for names in questions {
        let mut package = logic::Package::default();
        for contents in host.contents(&index, names, &below)? {
            let contents = contents?;
            if !package.is_of(&contents) {
                stanzas.add(std::mem::replace(&mut package, logic::Package::of(&contents)), config);
            }
            package.add(&contents);
        }
        stanzas.add(package, config);
    }
    let text = stanzas.text(at);
    write(&path, text.as_bytes(), host)?;
    write(&format!("{path}.xz"), &logic::pack(text.as_bytes(), config.xz_level)?, host)?;
    count.written += 1;
    count.anew += usize::from(is_anew);
    count.packages += stanzas.len();
    Ok(logic::mark(text.as_bytes(), config))
}

/// The file that the pass before has left, if it is still that.
fn known_text(
    path: &str,
    mark: &str,
    config: &Config,
    host: &mut dyn StagingHost,
) -> Result<Option<String>, HookError> {
    let content = match host.read_whole(path) {
        Ok(content) => content,
        Err(StagingError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if logic::mark(&content, config) != mark {
        return Ok(None);
    }
    Ok(String::from_utf8(content).ok())
}

/// Names of packages by suite, component and architecture.
type Touched = BTreeMap<(String, String, String), BTreeSet<String>>;

/// The names that the pass changes, by index.
fn touched(archive: &str, host: &mut dyn StagingHost) -> Result<Touched, HookError> {
    let mut touched = Touched::new();
    for change in host.changes()? {
        let Change { kind, name, architecture, archive: of, suite, component, .. } = change?;
        if kind == PackageKind::Binary && of == archive {
            touched.entry((suite, component, architecture)).or_default().insert(name);
        }
    }
    Ok(touched)
}

/// Forgets the suites that this pass does not publish: the hook may have missed what became of them.
fn forget_others(archive: &str, suites: &[&str], host: &mut dyn StagingHost) -> Result<(), HookError> {
    let prefix = logic::suite_key(archive, "");
    for key in host.state_keys()? {
        if key.strip_prefix(&prefix).is_some_and(|suite| !suites.contains(&suite)) {
            host.state_delete(&key)?;
        }
    }
    Ok(())
}

/// How much is handed over at once.
const PIECE_BYTES: usize = 4 << 20;

fn write(path: &str, content: &[u8], host: &mut dyn StagingHost) -> Result<(), HookError> {
    let (first, rest) = content.split_at(content.len().min(PIECE_BYTES));
    host.write(path, first)?;
    for piece in rest.chunks(PIECE_BYTES) {
        host.append(path, piece)?;
    }
    Ok(())
}
