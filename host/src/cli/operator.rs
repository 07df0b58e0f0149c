//! Who works here, for records of what somebody has decided.

use std::process::{Command, Stdio};

/// The user who runs this, or the one behind sudo. It is for people to ask back, not a proof.
pub(super) fn name() -> String {
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
