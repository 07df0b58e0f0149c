//! Who works here and why something was decided, for records of it.
//!
//! In a root without persons everybody who can write to it decides, under any name. As soon as there is one, a person decides: the one who is named,
//! or who is set in the configuration, or whose user of the host runs the command. Names are for people to ask back, not a proof.

use std::process::{Command, Stdio};

use pressroom_archive::domain::{PersonKind, plain};
use pressroom_archive::people::{Actor, Denied};
use pressroom_archive::store::hook_run::Overridden;
use pressroom_archive::store::{Db, person};

use super::exit;
use crate::root::{CONFIG_FILE, Root};

/// Who decides.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct As {
    /// Who decides this; without it, who is set in pressroom.toml, or the person who is this Unix user.
    #[arg(long = "as", value_name = "PERSON")]
    by: Option<String>,
}

impl As {
    /// For commands that have an `--as` of their own.
    pub(super) fn named(by: Option<&str>) -> Self {
        Self { by: by.map(str::to_owned) }
    }

    /// Whoever that is. Refused where there are persons, and it is none of them.
    pub(super) fn actor(&self, root: &Root, db: &Db) -> anyhow::Result<Actor> {
        let set = root.config.people.acts_as.as_deref();
        let (named, source) = match (self.by.as_deref(), set) {
            (Some(name), _) => (Some(name), "--as".to_owned()),
            (None, Some(name)) => (Some(name), format!("[people] as of {CONFIG_FILE}")),
            (None, None) => (None, String::new()),
        };
        let named = named.map(|name| remark(&source, name)).transpose()?;
        if named.as_ref().is_some_and(String::is_empty) {
            return Err(exit::usage(format!("{source} needs a name: it is kept with what is decided")));
        }
        if !person::any_person(db.read())? {
            return Ok(Actor::Operator { name: named.unwrap_or_else(user) });
        }
        let found = match named {
            Some(name) => {
                let unknown = |_| {
                    exit::usage(format!(
                        "{source}: {name:?} is no person's name; `pressroom person list` shows them"
                    ))
                };
                person::person(db.read(), &name.parse().map_err(unknown)?)?
            }
            None => {
                let user = user();
                person::person_of_user(db.read(), &user)?.ok_or_else(|| {
                    exit::usage(format!(
                        "who decides this? The Unix user {user} is no person here: name one with --as (`pressroom person list` shows them), \
                         set `as` under [people] in {CONFIG_FILE}, or say who {user} is with `pressroom person set NAME --unix-user {user}`"
                    ))
                })?
            }
        };
        if found.kind == PersonKind::Team {
            return Err(exit::usage(format!(
                "{} is a team: a person decides, name one of its members with --as",
                found.name
            )));
        }
        if !found.active {
            return Err(refused(format!(
                "{} is not active here any more: `pressroom person set {} --active true` changes that",
                found.name, found.name
            )));
        }
        Ok(Actor::Person(found))
    }
}

/// Something that whoever asks for it may not.
pub(super) fn refused(message: impl Into<String>) -> anyhow::Error {
    Denied { what: "not allowed".to_owned(), remedy: message.into() }.into()
}

/// The word of an operator: a reason, and who says so. Refused where one of them says nothing.
pub(super) fn word(root: &Root, db: &Db, reason: Option<&str>, by: &As) -> anyhow::Result<Overridden> {
    let reason = remark("--reason", reason.unwrap_or_default())?;
    if reason.is_empty() {
        return Err(exit::usage(
            "what a hook says is not put aside without a word: say why with --reason; it is kept with the run",
        ));
    }
    Ok(Overridden { by: by.actor(root, db)?.name().to_owned(), reason })
}

/// A reason in one line; it may be empty. Refused where it has what a terminal would obey.
pub(super) fn reason(text: &str) -> anyhow::Result<String> {
    remark("a reason", text)
}

/// A comment in one line; it may be empty. Refused where it has what a terminal or a mail would obey.
pub(super) fn comment(text: &str) -> anyhow::Result<String> {
    remark("a comment", text)
}

/// What a person says, in one line. Refused where it has what a terminal or a mail would obey.
pub(super) fn remark(what: &str, text: &str) -> anyhow::Result<String> {
    plain::remark(text).map_err(|obeyed| exit::usage(format!("{what} is shown to people: {obeyed}")))
}

/// A reason, which has to say something; otherwise whoever asks is told what it is for.
pub(super) fn some_word(reason: String, otherwise: &str) -> anyhow::Result<String> {
    if reason.is_empty() { Err(exit::usage(otherwise)) } else { Ok(reason) }
}

/// Who sets something up, for records of it: the person whose Unix user this is, else that user. What the operator of a root sets up needs no person.
pub(super) fn recorded(db: &Db) -> anyhow::Result<String> {
    let user = user();
    Ok(person::person_of_user(db.read(), &user)?.map_or(user, |person| person.name.to_string()))
}

/// The user who runs this, or the one behind sudo.
pub(super) fn user() -> String {
    let behind_sudo = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    behind_sudo.or_else(user_name).unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

/// The name of the real user, wherever the system has its users from: `id` asks there.
fn user_name() -> Option<String> {
    let output =
        Command::new("id").args(["-r", "-u", "-n"]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let name = String::from_utf8(output.ok().filter(|output| output.status.success())?.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
