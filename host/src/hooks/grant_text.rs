//! How a grant is written, so that an operator can work in it: what the author asks for and was not granted stands there as settings with a `#` in
//! front, each under a line that says what it lets the hook do.
//!
//! A grant that is there is changed where it must be, and otherwise left as the operator has written it, comments included. Pure: texts in, texts out.

use pressroom_archive::domain::plain;
use toml_edit::{DocumentMut, Item, Table};

use super::grant::{Capabilities, Grant, GrantLimits};

/// What is written into a grant beside the grant itself.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The hook's name and its author's description of it.
    pub(crate) name: String,
    pub(crate) description: String,
    /// What the author asks for.
    pub(crate) capabilities: Capabilities,
    /// Limits that the author asks for and that are not granted.
    pub(crate) limits: GrantLimits,
}

/// Why a text cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantTextError {
    #[error("the grant is no TOML")]
    Syntax(#[source] Box<toml_edit::TomlError>),
    #[error("the grant cannot be written as TOML")]
    Write(#[source] toml::ser::Error),
    #[error("the grant cannot be changed by a program as it is written: {0}")]
    Shape(String),
}

const HEAD: &str = "\
# It belongs to you, the operator: edit it, and the next run goes by it. A setting with a # right in front of it is what the hook's
# author asks for and has not got: take the # away to grant it.
";
const CAPABILITIES: &str = "[capabilities]";
const LIMITS: &str = "[limits]";
const LIMITS_ASKED: &str = "# What its author asks for beyond pressroom.toml:";

/// What a capability lets a hook do.
pub(crate) fn meaning(capability: &str) -> &'static str {
    match capability {
        "archive" => "It may ask which suites and packages there are, and what this pass changes.",
        "journal" => "It may ask what changed in the files of the archive, if archive is granted.",
        "staging" => {
            "It may read the tree that will be published, and write or remove the files that match these patterns."
        }
        "state" => "It may remember things from one call to the next.",
        "signing" => "It may have files that match these patterns signed with the archive's key.",
        "http" => "It may send requests over the network, to these addresses.",
        "http-private" => "It may send them to these networks too, which are not of the public internet.",
        "log" => "It may write lines into the run's log; every hook may.",
        "config" => "It may read its [config]; every hook may.",
        _ => "It may use an interface of this name.",
    }
}

/// The text of a grant that is new.
pub(crate) fn new_text(grant: &Grant, asked: &Asked) -> Result<String, GrantTextError> {
    let bare = Grant { requested: None, ..grant.clone() };
    let mut document = parse(&toml::to_string(&bare).map_err(GrantTextError::Write)?)?;
    document.remove("config");
    document.remove("capabilities");
    document.remove("limits");
    let mut text = format!("# The grant of the hook {}", one_line(&asked.name));
    if !asked.description.is_empty() {
        text.push_str(&format!(": {}", one_line(&asked.description)));
    }
    text.push_str(&format!("\n{HEAD}\n{document}\n{CAPABILITIES}\n"));
    for (key, value) in granted(&grant.capabilities)? {
        text.push_str(&format!("# {}\n{key} = {value}\n", meaning(&key)));
    }
    text.push_str(&format!("\n{LIMITS}\n"));
    for (key, value) in table(&grant.limits)? {
        text.push_str(&format!("{key} = {value}\n"));
    }
    text.push('\n');
    if grant.config.is_empty() {
        text.push_str("[config]\n");
    } else {
        // subtables too are written by the library
        let mut config = toml::Table::new();
        config.insert("config".to_owned(), toml::Value::Table(grant.config.clone()));
        text.push_str(&toml::to_string(&config).map_err(GrantTextError::Write)?);
    }
    changed_text(&text, grant, asked)
}

/// The text of a grant that is there, changed to say what `grant` says.
pub(crate) fn changed_text(text: &str, grant: &Grant, asked: &Asked) -> Result<String, GrantTextError> {
    let text = with_values(text, grant)?;
    let stands: toml::Table =
        toml::from_str(&text).map_err(|error| GrantTextError::Shape(error.to_string()))?;
    let stands = stands.get("capabilities").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let text = with_asked(&text, CAPABILITIES, &not_granted(grant, asked, &stands)?);
    let limits = table(&asked.limits)?.into_iter().map(|(key, value)| format!("#{key} = {value}"));
    let limits: Vec<String> = limits.collect();
    let heading = (!limits.is_empty()).then(|| LIMITS_ASKED.to_owned());
    let text = with_asked(&text, LIMITS, &heading.into_iter().chain(limits).collect::<Vec<_>>());
    // comments are put in by lines: see that none of them has become anything else
    let again: Grant = toml::from_str(&text).map_err(|error| GrantTextError::Shape(error.to_string()))?;
    if again == *grant {
        Ok(text)
    } else {
        Err(GrantTextError::Shape("it says something else then".to_owned()))
    }
}

/// The text with the values of `grant`, and nothing else changed.
fn with_values(text: &str, grant: &Grant) -> Result<String, GrantTextError> {
    let mut document = parse(text)?;
    let mut wanted = parse(&toml::to_string(grant).map_err(GrantTextError::Write)?)?;
    let there: toml::Table =
        toml::from_str(text).map_err(|error| GrantTextError::Shape(error.to_string()))?;
    let means: toml::Table = toml::Table::try_from(grant).map_err(GrantTextError::Write)?;
    let old: Option<Grant> = toml::from_str(text).ok();
    for key in ["replaces", "moved-from", "disabled", "signed-by", "signature", "requested"] {
        if !means.contains_key(key) {
            document.remove(key);
        }
    }
    for (key, value) in &means {
        if there.get(key) == Some(value) {
            continue;
        }
        // what is left out and what stands there as a default are the same
        let is_same = old.as_ref().is_some_and(|old| match key.as_str() {
            "capabilities" => old.capabilities == grant.capabilities,
            "limits" => old.limits == grant.limits,
            "config" => old.config == grant.config,
            "on-failure" => old.on_failure == grant.on_failure,
            _ => false,
        });
        if is_same {
            continue;
        }
        let Some(mut new) = wanted.remove(key) else { continue };
        if let Some(table) = new.as_table_mut().filter(|_| key == "capabilities" || key == "requested") {
            // what is not granted need not be said
            table.retain(|_, item| item.as_bool() != Some(false));
        }
        match (document.get_mut(key), new) {
            (Some(Item::Table(table)), Item::Table(new)) => merge(table, new),
            (Some(item), new) if !matches!(new, Item::Table(_)) => replace(item, new),
            (_, Item::Table(mut new)) => {
                if key == "requested" {
                    new.decor_mut().set_prefix(
                        "\n# What its author asks for, for `pressroom hook list` and `upgrade`. It grants nothing.\n",
                    );
                }
                // behind all that is there
                new.set_position(None);
                document.insert(key, Item::Table(new));
            }
            (_, new) => {
                document.insert(key, new);
            }
        }
    }
    Ok(document.to_string())
}

/// Sets the keys of a table that differ, and takes out those that are not wanted.
fn merge(table: &mut Table, new: Table) {
    // what says that something is not granted may stay, with what the operator says to it
    let is_gone = |(key, item): &(&str, &Item)| !new.contains_key(key) && item.as_bool() != Some(false);
    let gone: Vec<String> = table.iter().filter(is_gone).map(|(key, _)| key.to_owned()).collect();
    for key in gone {
        table.remove(&key);
    }
    for (key, item) in new {
        match (table.get_mut(&key), item) {
            (Some(Item::Table(old)), Item::Table(new)) => merge(old, new),
            (Some(old), new) => replace(old, new),
            (None, new) => {
                table.insert(&key, new);
            }
        }
    }
}

/// Puts a value in the place of another that says something else; the words around it stay.
fn replace(old: &mut Item, mut new: Item) {
    let says = |item: &Item| toml::from_str::<toml::Table>(&format!("x = {}", item.to_string().trim())).ok();
    if says(old).is_some_and(|old| Some(old) == says(&new)) {
        return;
    }
    if let (Some(old), Some(new)) = (old.as_value(), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = new;
}

/// A section's lines without what was asked for before, and with what is asked for now, right below its heading. Without such a heading as a line of
/// its own there is no good place, and nothing is said.
fn with_asked(text: &str, heading: &str, asked: &[String]) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    let mut within = false;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let bare = line.trim();
        if bare.starts_with('[') {
            within = bare == heading;
            out.push_str(line);
            if within {
                if !line.ends_with('\n') {
                    out.push('\n');
                }
                asked.iter().for_each(|line| out.push_str(&format!("{line}\n")));
            }
            continue;
        }
        let is_heading_of_ours = bare == LIMITS_ASKED || bare == ASKED_MORE || is_meaning(bare);
        let is_above_ours =
            lines.peek().is_some_and(|next| is_asked(next.trim()) || next.trim() == ASKED_MORE);
        if within && (is_asked(bare) || (is_heading_of_ours && is_above_ours)) {
            continue;
        }
        out.push_str(line);
    }
    out
}

const ASKED_MORE: &str = "# Instead of what stands there already:";

/// `#key = ...`, as it is written here.
fn is_asked(line: &str) -> bool {
    let Some((key, _)) = line.strip_prefix('#').and_then(|rest| rest.split_once(" = ")) else { return false };
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn is_meaning(line: &str) -> bool {
    let known = ["archive", "staging", "state", "signing", "http", ""];
    line.strip_prefix("# ").is_some_and(|rest| known.iter().any(|key| meaning(key) == rest))
}

/// The lines that ask for what is not granted, beside what stands in the section already.
fn not_granted(grant: &Grant, asked: &Asked, stands: &toml::Table) -> Result<Vec<String>, GrantTextError> {
    let has = granted(&grant.capabilities)?;
    let mut lines = Vec::new();
    for (key, value) in granted(&asked.capabilities)? {
        if has.get(&key).is_some_and(|has| covers(has, &value)) {
            continue;
        }
        lines.push(format!("# {}", meaning(&key)));
        if stands.contains_key(&key) {
            lines.push(ASKED_MORE.to_owned());
        }
        lines.push(format!("#{key} = {value}"));
    }
    Ok(lines)
}

/// Whether one value of a capability allows all that the other does.
fn covers(has: &toml::Value, asks: &toml::Value) -> bool {
    match (has, asks) {
        (toml::Value::Array(has), toml::Value::Array(asks)) => asks.iter().all(|one| has.contains(one)),
        (toml::Value::Table(has), toml::Value::Table(asks)) => {
            asks.iter().all(|(key, asks)| has.get(key).is_some_and(|has| covers(has, asks)))
        }
        (toml::Value::Boolean(has), toml::Value::Boolean(asks)) => *has || !*asks,
        _ => has == asks,
    }
}

/// Capabilities by key, without those that are not there.
fn granted(capabilities: &Capabilities) -> Result<toml::Table, GrantTextError> {
    let (mut table, defaults) = (table(capabilities)?, table(&Capabilities::default())?);
    table.retain(|key, value| defaults.get(key) != Some(value));
    Ok(table)
}

fn table(value: &impl serde::Serialize) -> Result<toml::Table, GrantTextError> {
    toml::Table::try_from(value).map_err(GrantTextError::Write)
}

fn parse(text: &str) -> Result<DocumentMut, GrantTextError> {
    text.parse().map_err(|error| GrantTextError::Syntax(Box::new(error)))
}

/// What an author says, made fit for a comment.
fn one_line(text: &str) -> String {
    plain::line(text, 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(more: &str) -> Grant {
        toml::from_str(&format!("sha256 = \"{}\"\npoints = [\"finalize\"]\n{more}", "ab".repeat(32))).unwrap()
    }

    fn asked(capabilities: &str) -> Asked {
        Asked {
            name: "a".to_owned(),
            description: "does\nthings".to_owned(),
            capabilities: toml::from_str(capabilities).unwrap(),
            limits: GrantLimits { wall_seconds: Some(900), ..GrantLimits::default() },
        }
    }

    const ASKED: &str = "archive = true\nstaging = [\"a/*\", \"b/*\"]\nstate = false\nsigning = []\n";

    #[test]
    fn a_new_grant_asks_for_what_is_not_granted_and_says_what_it_means() {
        let grant =
            grant("[capabilities]\nstaging = [\"a/*\"]\n[config]\nkey = 1\n[config.deep]\nx = \"y\"\n");
        let text = new_text(&grant, &asked(ASKED)).unwrap();
        for lines in [
            "# The grant of the hook a: does things\n",
            &format!("[capabilities]\n# {}\n#archive = true\n", meaning("archive")),
            &format!("{ASKED_MORE}\n#staging = [\"a/*\", \"b/*\"]\n"),
            "\nstaging = [\"a/*\"]\n",
            &format!("[limits]\n{LIMITS_ASKED}\n#wall-seconds = 900\n"),
            "[config.deep]",
        ] {
            assert!(text.contains(lines), "{lines} is not in\n{text}");
        }
        assert!(!text.contains("#state") && !text.contains("#signing"), "{text}");
        assert_eq!(toml::from_str::<Grant>(&text).unwrap(), grant);
        // taking the marks away gives what was asked for
        let granted: Grant =
            toml::from_str(&text.replace("#archive", "archive").replace("#wall", "wall")).unwrap();
        assert!(granted.capabilities.archive && granted.limits.wall_seconds == Some(900));
    }

    #[test]
    fn a_change_leaves_the_operators_words_and_asks_anew() {
        let old = grant("[capabilities]\nstate = true\n");
        let text = new_text(&old, &asked(ASKED)).unwrap().replace(
            "state = true",
            "state = true # since the audit\n# carol decides about signing\nsigning = [ \"x\", ] # hers",
        );
        let mut new = old.clone();
        new.sha256 = "cd".repeat(32).parse().unwrap();
        new.disabled = true;
        new.signature = Some("-----BEGIN\nlines\n".to_owned());
        new.capabilities.signing = vec!["x".to_owned()];
        new.capabilities.archive = true;
        new.requested = Some(toml::from_str("state = true").unwrap());
        let none = Asked { limits: GrantLimits::default(), ..asked("staging = [\"c/*\"]") };
        let changed = changed_text(&text, &new, &none).unwrap();
        for kept in [
            "state = true # since the audit",
            "# carol decides",
            "signing = [ \"x\", ] # hers",
            "archive = true",
        ] {
            assert!(changed.contains(kept), "{kept} is not in\n{changed}");
        }
        for gone in ["#archive", "a/*", "#wall", LIMITS_ASKED, "abab"] {
            assert!(!changed.contains(gone), "{gone} is still in\n{changed}");
        }
        assert!(changed.contains("#staging = [\"c/*\"]"), "{changed}");
        assert_eq!(toml::from_str::<Grant>(&changed).unwrap(), new);
        // and back: only what was asked for last stays
        let back = changed_text(&changed, &old, &none).unwrap();
        assert_eq!(toml::from_str::<Grant>(&back).unwrap(), old);
        assert!(!back.contains("requested") && !back.contains("BEGIN"), "{back}");
        // what stands there as not granted is named, so that nobody writes it twice
        let plain = changed_text(&toml::to_string(&old).unwrap(), &old, &asked("archive = true")).unwrap();
        assert!(plain.contains(&format!("{ASKED_MORE}\n#archive = true")), "{plain}");
        // doing it again changes nothing
        assert_eq!(changed_text(&changed, &new, &none).unwrap(), changed);
    }

    #[test]
    fn a_grant_of_another_shape_is_changed_or_left_alone_but_never_misread() {
        let old = grant("");
        // capabilities in a line of their own: no heading to put questions under
        let text = format!(
            "capabilities = {{ state = true }}\n{}",
            toml::to_string(&old).unwrap().replace("[capabilities]\narchive = false\nstate = false\n", "")
        );
        let mut new: Grant = toml::from_str(&text).unwrap();
        new.disabled = true;
        let changed = changed_text(&text, &new, &asked(ASKED)).unwrap();
        assert!(toml::from_str::<Grant>(&changed).unwrap().disabled);
        assert!(!changed.contains("#archive"));
        // a heading within a text is none: the questions would become part of it
        let text = format!(
            "{}[config]\nhelp = \"\"\"\n[capabilities]\n\"\"\"\n",
            toml::to_string(&old).unwrap().split("[capabilities]").next().unwrap()
        );
        let new: Grant = toml::from_str(&text).unwrap();
        assert!(matches!(changed_text(&text, &new, &asked(ASKED)), Err(GrantTextError::Shape(_))));
        assert!(matches!(changed_text("not toml", &new, &asked(ASKED)), Err(GrantTextError::Syntax(_))));
    }
}
