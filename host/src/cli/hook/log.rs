//! `pressroom hook log`.

use std::collections::BTreeSet;

use pressroom_archive::domain::RunId;
use pressroom_archive::store::hook_run::{self, Recorded};
use pressroom_archive::store::run::find_run;
use pressroom_archive::store::{Connection, StoreError};
use pressroom_sandbox::Point;
use serde::Serialize;

use super::calls::{Detail, ShownCall, call_text, shown_call};
use crate::cli::output::{DIM, painted};
use crate::cli::{End, Session};
use crate::hooks::is_called;

/// Show everything that the hooks of a run said: how each ended, its summary, details and log, what it cost, and what became of it later.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Log {
    /// The run, as `pressroom history` numbers it.
    #[arg(value_name = "RUN", value_parser = clap::value_parser!(i64).range(1..))]
    run: i64,
    /// Only this hook: its name, or its file's.
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
    /// Only this point.
    #[arg(long, value_name = "POINT")]
    point: Option<Point>,
}

/// A call of the run, and those that repeated it in later runs.
#[derive(Serialize)]
struct ShownLog {
    #[serde(flatten)]
    call: ShownCall,
    later: Vec<ShownCall>,
}

impl Log {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        let run = find_run(db.read(), RunId(self.run))?;
        let calls = hook_run::hook_runs_of(db.read(), run.id)?;
        let shown = self
            .meant(calls)?
            .into_iter()
            .map(|call| shown_log(db.read(), call))
            .collect::<Result<Vec<_>, _>>()?;
        session.output.show(&shown, || {
            if shown.is_empty() {
                let place = self.point.map(|point| format!(" at {point}")).unwrap_or_default();
                return format!("Run {} called no hook{place}.\n", run.id);
            }
            shown.iter().map(text).collect::<Vec<_>>().join("\n")
        })?;
        Ok(End::Success)
    }

    fn meant(&self, calls: Vec<Recorded>) -> Result<Vec<Recorded>, StoreError> {
        let at_point: Vec<Recorded> = calls
            .into_iter()
            .filter(|one| self.point.is_none_or(|point| one.call.point == point.as_str()))
            .collect();
        let Some(name) = &self.hook else { return Ok(at_point) };
        let (meant, others): (Vec<_>, Vec<_>) =
            at_point.into_iter().partition(|one| is_called(&one.call.hook, name));
        if meant.is_empty() {
            let known: BTreeSet<String> = others.into_iter().map(|one| one.call.hook).collect();
            return Err(StoreError::Unknown {
                what: "hook that this run has called there, with the name",
                name: name.clone(),
                known: known.into_iter().collect(),
            });
        }
        Ok(meant)
    }
}

fn shown_log(db: &Connection, call: Recorded) -> Result<ShownLog, StoreError> {
    let later = hook_run::repetitions_of(db, call.id)?
        .into_iter()
        .map(|one| shown_call(db, one))
        .collect::<Result<_, _>>()?;
    Ok(ShownLog { call: shown_call(db, call)?, later })
}

fn text(shown: &ShownLog) -> String {
    let mut text = call_text(&shown.call, "", Detail::All);
    for later in &shown.later {
        text.push_str(&format!("  {}\n", painted(DIM, later.when())));
        text.push_str(&call_text(later, "  ", Detail::All));
    }
    text
}
