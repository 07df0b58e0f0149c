//! Writes `SHA256SUMS` into the trees of the installer and the upgrader under `dists/`, and lets the host sign it beside, so that who takes
//! an image from there can verify it without the Release file.

pub mod logic;

use std::collections::BTreeSet;

use pressroom_plugin::{HookError, HostExt, PassContext, PrePublication, Report, SigningMode, StagingHost};
use serde::Deserialize;

/// The hook.
pub struct Checksums;

pressroom_plugin::hooks!(Checksums: pre_publication);

/// What the operator may wish.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Read every tree, also those whose files have the names and sizes that they had.
    careful: bool,
}

impl PrePublication for Checksums {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        let (mut there, mut signed) = (BTreeSet::new(), Vec::new());
        for suite in &context.suites {
            for component in suite.components.iter().filter(|component| !component.contains('/')) {
                let folder = format!("dists/{}/{component}", suite.name);
                for tree in logic::trees(&folder, host.list_files(&folder)?) {
                    let key = logic::state_key(&context.archive, &tree.folder);
                    let fingerprint = tree.fingerprint();
                    let known = host.state_get(&key)?.is_some_and(|known| known == fingerprint.as_bytes());
                    there.insert(key.clone());
                    if known && tree.is_signed && !config.careful {
                        continue;
                    }
                    if sum_up(&tree, host)? {
                        signed.push(tree.folder.clone());
                    }
                    host.state_set(&key, fingerprint.as_bytes())?;
                }
            }
            forget(&context.archive, &suite.name, &there, host)?;
        }
        if signed.is_empty() {
            return Ok(Report::skipped("no tree of an installer or upgrader has changed"));
        }
        let lines: String = signed.iter().map(|folder| format!("{folder}/SHA256SUMS\n")).collect();
        Ok(Report::done(format!("signed the checksums of {} trees", signed.len())).with_details(lines))
    }
}

/// Writes the checksums of a tree and has them signed, if they differ from what is there.
fn sum_up(tree: &logic::Tree, host: &mut dyn StagingHost) -> Result<bool, HookError> {
    let sums = format!("{}/{}", tree.folder, logic::SUMS);
    let signature = format!("{}/{}", tree.folder, logic::SIGNATURE);
    let mut text = String::new();
    for path in tree.files.keys() {
        text.push_str(&logic::line(&digest(&format!("{}/{path}", tree.folder), host)?, path));
    }
    if tree.is_signed && logic::is_there(&sums, text.as_bytes(), host)? {
        return Ok(false);
    }
    host.write(&sums, text.as_bytes())?;
    host.sign(&sums, &signature, SigningMode::Detached)?;
    host.info(&format!("{sums} lists {} files", tree.files.len()));
    Ok(true)
}

/// How much of a file is read at once.
const PIECE_BYTES: u32 = 1 << 20;

fn digest(path: &str, host: &mut dyn StagingHost) -> Result<String, HookError> {
    let mut digest = logic::Digest::default();
    let mut offset = 0;
    loop {
        let piece = host.read(path, offset, PIECE_BYTES)?;
        if piece.is_empty() {
            return Ok(digest.hex());
        }
        offset += piece.len() as u64;
        digest.add(&piece);
    }
}

/// Forgets the trees of a suite that are gone.
fn forget(
    archive: &str,
    suite: &str,
    there: &BTreeSet<String>,
    host: &mut dyn StagingHost,
) -> Result<(), HookError> {
    let of_suite = logic::state_key(archive, &format!("dists/{suite}/"));
    for key in host.state_keys()? {
        if key.starts_with(&of_suite) && !there.contains(&key) {
            host.state_delete(&key)?;
        }
    }
    Ok(())
}
