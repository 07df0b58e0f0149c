//! Who works here and why something was decided, for records of it.

use std::process::{Command, Stdio};

use pressroom_archive::store::hook_run::Overridden;

use super::exit;

/// The word of an operator: a reason, and a name or the one of who runs this. Refused where one of them says nothing.
pub(super) fn word(reason: Option<&str>, by: Option<&str>) -> anyhow::Result<Overridden> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = one_line(reason.unwrap_or_default());
    if reason.is_empty() {
        return Err(exit::usage(
            "what a hook says is not put aside without a word: say why with --reason; it is kept with the run",
        ));
    }
    let by = one_line(&by.map_or_else(name, str::to_owned));
    if by.is_empty() {
        return Err(exit::usage("--as needs a name: it is kept with the run"));
    }
    let says_odd_things = |text: &str| text.chars().any(char::is_control);
    if says_odd_things(&reason) || says_odd_things(&by) {
        return Err(exit::usage("--reason and --as are shown to people: leave control characters out"));
    }
    Ok(Overridden { by, reason })
}

/// The user who runs this, or the one behind sudo. It is for people to ask back, not a proof.
fn name() -> String {
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
