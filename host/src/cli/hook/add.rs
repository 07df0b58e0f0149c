//! `pressroom hook add`.

use std::path::PathBuf;

use pressroom_archive::domain::DistributionName;
use pressroom_sandbox::Point;
use serde::Serialize;

use crate::cli::output::{BOLD, WARN, painted};
use crate::cli::{End, Session, the_distribution};
use crate::hooks;
use crate::hooks::add::{self, Wish};
use crate::hooks::upkeep::{self, ChangeLock};

use super::wrapped;

/// Add a WASM hook: check it, compile it in a limited process, pin it by its digest, and write its grant.
///
/// A hook that is there already is replaced, and keeps its number, grants, limits and configuration. A hook is granted nothing that --grant does
/// not name. What its author asks for stands in its manifest: a file of the hook's name with the ending
/// .toml beside it, or the one that --manifest names.
///
/// For example: pressroom hook add trace.wasm --manifest hook.toml --grant requested
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Add {
    #[arg(value_name = "FILE")]
    component: PathBuf,
    /// The distribution; without it, the only one.
    #[arg(long)]
    distribution: Option<DistributionName>,
    /// Where it is to run; again for more. Without it: where its manifest says, or all that it exports.
    #[arg(long = "point", value_name = "POINT")]
    points: Vec<Point>,
    /// The number before its name, which decides the order. Without it: its manifest's, or 50.
    #[arg(long, value_name = "NN", value_parser = clap::value_parser!(u8).range(0..=99))]
    order: Option<u8>,
    /// What its author says of it.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// What it may do: archive, state, staging (read the staged tree), staging=PATTERN (write there), signing=PATTERN, http=PATTERN (ask servers),
    /// http-private=NETWORK (also there), limits (those that its manifest asks for beyond pressroom.toml), or requested (all that its manifest
    /// asks for); again for more.
    #[arg(long = "grant", value_name = "CAPABILITY")]
    grants: Vec<String>,
    /// The detached signature of the file, as gpg --detach-sign makes it. Without it: FILE.sig or FILE.asc.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Whose signature it must have, now and as long as it stands: a certificate file, or the fingerprint of a certificate in keys/authors; again
    /// for more people, of whom one has to have signed. Without it: as pressroom.toml says.
    #[arg(long = "signed-by", value_name = "CERTIFICATE")]
    signed_by: Vec<String>,
}

impl Add {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let distribution = the_distribution(db.read(), self.distribution.as_ref())?;
        let lock = ChangeLock::take(&root)?;
        let signed_by: Vec<String> = self.signed_by.iter().map(|entry| from_here(entry)).collect();
        let wish = Wish {
            component: &self.component,
            distribution: &distribution.name,
            points: &self.points,
            order: self.order,
            manifest: self.manifest.as_deref(),
            grants: &self.grants,
            signature: self.signature.as_deref(),
            signed_by: &signed_by,
        };
        let added = add::add(&root, &mut db, &hooks::sandbox()?, &wish, session.clock.now())?;
        upkeep::forget_unused(&root, &mut db, &lock)?;
        let shown = Added {
            name: added.name,
            files: added.paths,
            sha256: added.inspection.sha256.to_string(),
            granted: added.granted.names().into_iter().collect(),
            not_granted: added.not_granted,
            signed_by: added.signed.map(|good| Signed {
                fingerprint: good.fingerprint,
                user_id: good.user_id,
                made: good.made.to_string(),
            }),
            disabled: added.disabled,
            warnings: added.warnings,
        };
        session.output.show(&shown, || added_text(&shown))?;
        Ok(End::Success)
    }
}

/// A file is meant from the working folder here, and from the root in a grant.
fn from_here(entry: &str) -> String {
    match std::path::absolute(entry) {
        Ok(path) if path.exists() => path.to_string_lossy().into_owned(),
        _ => entry.to_owned(),
    }
}

#[derive(Serialize)]
struct Added {
    name: String,
    files: Vec<PathBuf>,
    sha256: String,
    granted: Vec<String>,
    /// Asked for by the author, and not granted.
    not_granted: Vec<String>,
    /// Whose signature was asked for and verified.
    signed_by: Option<Signed>,
    disabled: bool,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Signed {
    fingerprint: String,
    user_id: String,
    made: String,
}

fn added_text(added: &Added) -> String {
    let mut text = format!("Added the hook {}:\n", painted(BOLD, &added.name));
    for file in &added.files {
        text.push_str(&format!("  {}\n", file.display()));
    }
    if let Some(signed) = &added.signed_by {
        text.push_str(&format!(
            "It was signed by {}, {} at {}.\n",
            signed.user_id, signed.fingerprint, signed.made
        ));
    }
    if !added.granted.is_empty() {
        text.push_str(&wrapped(0, "", &format!("It is granted {}.", added.granted.join(", "))));
    }
    if !added.not_granted.is_empty() {
        text.push_str(&wrapped(0, "", &format!(
            "{} {}. To grant it, add the hook again with --grant, or take the # away in the .toml beside it.",
            painted(WARN, "It asks for, and was not granted:"),
            added.not_granted.join(", ")
        )));
    }
    for warning in &added.warnings {
        text.push_str(&wrapped(0, &format!("{} ", painted(WARN, "warning:")), warning));
    }
    if added.disabled {
        text.push_str("It is disabled, and stays so: `pressroom hook enable` takes it back into use.\n");
    }
    text
}
