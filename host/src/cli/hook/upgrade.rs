//! `pressroom hook upgrade`.

use std::path::PathBuf;

use pressroom_archive::domain::DistributionName;
use serde::Serialize;

use super::wrapped;
use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, painted};
use crate::cli::{End, Session, the_distribution};
use crate::hooks;
use crate::hooks::upgrade::{self, Change, Difference, Wish};
use crate::hooks::upkeep::{self, ChangeLock};

/// Put another version of a hook in its place, and show what is different: what it wants of the host, what its author asks for, its points, its limits.
///
/// Its number, what it is granted, its limits and its configuration stay as they are. It is granted nothing more than before, unless --grant says so;
/// what its author asks for beyond that stands in its grant with a # in front.
///
/// For example: pressroom hook upgrade --dry-run trace.wasm
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Upgrade {
    /// The new component; or the name of a hook whose component was exchanged in its folder.
    #[arg(value_name = "FILE|NAME")]
    what: PathBuf,
    /// The hook, if it has another name than the file or its manifest.
    #[arg(long)]
    name: Option<String>,
    /// The distribution; without it, the only one.
    #[arg(long)]
    distribution: Option<DistributionName>,
    /// What its author says of it.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// What it may do from now on beyond what it may already, as with `hook add`; again for more.
    #[arg(long = "grant", value_name = "CAPABILITY")]
    grants: Vec<String>,
    /// The detached signature of the file. Without it: FILE.sig or FILE.asc.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Only show what would change: it is compiled and loaded, and nothing is kept.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    dry_run: bool,
    /// Where it runs.
    points: Vec<&'static str>,
    files: Vec<PathBuf>,
    difference: Difference,
    /// Asked for by the author, and not granted.
    not_granted: Vec<String>,
    signed_by: Option<String>,
    disabled: bool,
    warnings: Vec<String>,
}

impl Upgrade {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let distribution = the_distribution(db.read(), self.distribution.as_ref())?;
        let lock = ChangeLock::take(&root)?;
        let word = self.what.to_string_lossy();
        let is_file = word.contains('/') || (word.ends_with(".wasm") && self.what.is_file());
        let wish = Wish {
            component: is_file.then_some(self.what.as_path()),
            name: if is_file { self.name.as_deref() } else { Some(&word) },
            distribution: &distribution.name,
            manifest: self.manifest.as_deref(),
            grants: &self.grants,
            signature: self.signature.as_deref(),
            dry_run: self.dry_run,
        };
        let done = upgrade::upgrade(&root, &mut db, &hooks::sandbox()?, &wish, session.clock.now())?;
        if !self.dry_run {
            upkeep::forget_unused(&root, &mut db, &lock)?;
        }
        let shown = Shown {
            name: done.name,
            dry_run: self.dry_run,
            points: done.points.iter().map(|point| point.as_str()).collect(),
            files: done.paths,
            difference: done.difference,
            not_granted: done.not_granted,
            signed_by: done.signed_by,
            disabled: done.disabled,
            warnings: done.warnings,
        };
        session.output.show(&shown, || text(&shown))?;
        Ok(End::Success)
    }
}

fn text(shown: &Shown) -> String {
    let difference = &shown.difference;
    let is_same = difference.sha256.before.as_ref() == Some(&difference.sha256.after);
    let mut text = format!(
        "{} {}{}\n",
        if shown.dry_run { "This would change" } else { "Upgraded" },
        painted(BOLD, &shown.name),
        if is_same { ", to the component that it was" } else { "" }
    );
    text.push_str(&scalar("sha256", &difference.sha256, |digest| digest[..12.min(digest.len())].to_owned()));
    text.push_str(&scalar("size", &difference.size_bytes, |size| bytes(*size)));
    text.push_str(&scalar("memories", &difference.memories, ToString::to_string));
    for (label, change) in [
        ("WIT", &difference.versions),
        ("points", &difference.exported_points),
        ("imports", &difference.imports),
        ("functions", &difference.functions),
        ("WASI", &difference.wasi_imports),
        ("asks for", &difference.requested),
        ("granted", &difference.granted),
        ("limits", &difference.limits),
    ] {
        // long lists, and nothing to see in them
        if !(matches!(label, "functions" | "WASI") && change.before.as_ref() == Some(&change.after)) {
            text.push_str(&list(label, change));
        }
    }
    if !difference.new_config_keys.is_empty() {
        let keys = difference.new_config_keys.join(", ");
        text.push_str(&wrapped(
            0,
            "",
            &format!(
                "{} {keys}. Its configuration stays as it is: set them under [config] where you want them.",
                painted(WARN, "Its author's manifest has new settings:")
            ),
        ));
    }
    if let Some(fingerprint) = &shown.signed_by {
        text.push_str(&format!("Signed by {fingerprint}.\n"));
    }
    if !shown.not_granted.is_empty() {
        text.push_str(&wrapped(
            0,
            "",
            &format!(
                "{} {}. To grant it, use --grant, or take the # away in the .toml beside it.",
                painted(WARN, "It asks for, and is not granted:"),
                shown.not_granted.join(", ")
            ),
        ));
    }
    for warning in &shown.warnings {
        text.push_str(&wrapped(0, &format!("{} ", painted(WARN, "warning:")), warning));
    }
    if shown.disabled {
        text.push_str("It is disabled, and stays so: `pressroom hook enable` takes it back into use.\n");
    }
    for file in &shown.files {
        text.push_str(&format!("  {}\n", file.display()));
    }
    text
}

fn scalar<T: PartialEq>(label: &str, change: &Change<T>, word: impl Fn(&T) -> String) -> String {
    let after = word(&change.after);
    match &change.before {
        Some(before) if *before == change.after => format!("  {label:10} {}\n", painted(DIM, after)),
        Some(before) => format!("  {label:10} {} -> {after}\n", word(before)),
        None => format!("  {label:10} {after} {}\n", painted(DIM, "(before: not known)")),
    }
}

fn list(label: &str, change: &Change<Vec<String>>) -> String {
    let or_nothing =
        |words: &[String]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let begin = format!("{label:10} ");
    let Some(before) = &change.before else {
        return wrapped(
            2,
            &begin,
            &format!("{} {}", or_nothing(&change.after), painted(DIM, "(before: not known)")),
        );
    };
    if *before == change.after {
        return wrapped(2, &begin, &painted(DIM, or_nothing(before)));
    }
    let lacking = |words: &[String], other: &[String]| -> Vec<String> {
        words.iter().filter(|word| !other.contains(word)).cloned().collect()
    };
    let (gone, new) = (lacking(before, &change.after), lacking(&change.after, before));
    let kept: Vec<String> = before.iter().filter(|word| change.after.contains(word)).cloned().collect();
    let mut text = String::new();
    let mut label = begin;
    for (sign, style, words) in [("-", BAD, gone), ("+", GOOD, new), (" ", DIM, kept)] {
        if !words.is_empty() {
            text.push_str(&wrapped(2, &format!("{label}{} ", painted(style, sign)), &words.join(", ")));
            label = " ".repeat(11);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    fn shows(change: &Change<Vec<String>>) -> String {
        anstream::adapter::strip_str(&list("imports", change)).to_string()
    }

    #[test]
    fn what_is_gone_new_and_kept_is_told_apart() {
        let change = Change { before: Some(words(&["archive", "log"])), after: words(&["log", "state"]) };
        assert_eq!(shows(&change), "  imports    - archive\n             + state\n               log\n");
        let same = Change { before: Some(words(&["log"])), after: words(&["log"]) };
        assert_eq!(shows(&same), "  imports    log\n");
        let unknown = Change { before: None, after: words(&[]) };
        assert_eq!(shows(&unknown), "  imports    nothing (before: not known)\n");
    }
}
