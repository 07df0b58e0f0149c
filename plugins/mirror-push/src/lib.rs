//! Tells mirrors that there is something to fetch: the most urgent first, each once, and one that does not answer keeps none of the others
//! waiting for the next run.

pub mod logic;

use pressroom_plugin::{ArchiveError, Finalize, FinalizeContext, HookError, Host, HostExt, Report};

use logic::{Config, Failure, Journals, Told};

/// The hook.
pub struct MirrorPush;

pressroom_plugin::hooks!(MirrorPush: finalize);

/// The numbers of the journals that mirrors may follow; none of those archives that keep none, or where it may not ask.
fn journals(context: &FinalizeContext, host: &mut dyn Host) -> Result<Journals, HookError> {
    let mut journals = Journals::new();
    for archive in &context.archives {
        match host.journal_numbers(archive) {
            Ok(Some(numbers)) => drop(journals.insert(archive.clone(), (numbers.first, numbers.last))),
            Ok(None) | Err(ArchiveError::Denied) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(journals)
}

impl Finalize for MirrorPush {
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        let journals = journals(context, host)?;
        // what is wrong with one is said before any is told
        let requests = config
            .in_order(context.priority)?
            .into_iter()
            .map(|mirror| Ok((mirror, logic::request(mirror, &config, context, &journals)?)))
            .collect::<Result<Vec<_>, HookError>>()?;
        if !context.dry_run {
            for key in logic::outdated(&host.state_keys()?, &config) {
                host.state_delete(&key)?;
            }
        }
        let mut told = Told::default();
        for (mirror, request) in requests {
            let mark = logic::mark(&request, context);
            if host.state_get(&mirror.state_key())?.as_deref() == Some(mark.as_bytes()) {
                told.before += 1;
            } else if context.dry_run {
                told.would(mirror);
            } else {
                match host.http(&request).map_err(Failure::from).and_then(|answer| logic::judge(&answer)) {
                    Ok(()) => {
                        host.state_set(&mirror.state_key(), mark.as_bytes())?;
                        told.now += 1;
                    }
                    Err(failure) => {
                        host.warn(&format!("{} was not told: {failure}", mirror.name));
                        told.not(mirror, failure);
                    }
                }
            }
        }
        told.report()
    }
}
