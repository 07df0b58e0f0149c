//! `pressroom archive`.

use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, IndexEngine, PersonName, ReleaseText, SignedBy,
};
use pressroom_archive::store::archive::{MOST_VERSIONS_KEPT, archive, archives, versions_kept};
use pressroom_archive::store::copy_archive::{CopyOf, copy_of};
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_archive::store::mirror_journal::MOST_NUMBERS_KEPT;
use pressroom_archive::store::snapshot::kept_seconds;
use pressroom_archive::store::{Db, StoreError, person};
use serde::Serialize;

use super::output::table;
use super::{End, Session, exit};
use crate::describe::{self, ArchiveDescription, Description, DistributionDescription, DistributionSettings};

/// List, add and change archives: `debian` is the primary archive of debian, `debian/partner` another one of its own.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List all archives.
    List,
    /// Add an archive beside a distribution's primary one: a partner archive, or the archive of a person or team (PPA).
    ///
    /// For example: pressroom archive add demo/partner --display-name 'Partners of Demo'; pressroom archive add ~ann/demo/tools
    Add {
        #[arg(value_name = "DISTRIBUTION/NAME|~OWNER/DISTRIBUTION/NAME")]
        reference: ArchiveReference,
        /// What it is for, PARTNER or PPA; without it, what its name says.
        #[arg(long)]
        purpose: Option<ArchivePurpose>,
        /// Whose PPA it is, where its name does not say that.
        #[arg(long, value_name = "PERSON")]
        owner: Option<PersonName>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change an archive.
    ///
    /// For example: pressroom archive set demo --origin Demo --label 'Demo Security'
    Set {
        #[arg(value_name = "ARCHIVE")]
        reference: ArchiveReference,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// As people write it.
    #[arg(long)]
    display_name: Option<String>,
    /// A sentence for people.
    #[arg(long)]
    description: Option<String>,
    /// `Origin` in the Release files; without one, the distribution's display name.
    #[arg(long)]
    origin: Option<ReleaseText>,
    /// `Label` in the Release files; without one, as the origin.
    #[arg(long)]
    label: Option<ReleaseText>,
    /// Whether packages may come in.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Whether runs publish it.
    #[arg(long, value_name = "true|false")]
    publish: Option<bool>,
    /// Whether what is in it is not for everybody.
    #[arg(long, value_name = "true|false")]
    private: Option<bool>,
    /// How much may be in it, in MiB: an upload that would bring it over that is rejected; 0 for any amount.
    #[arg(long, value_name = "MIB")]
    quota_mib: Option<u64>,
    /// What its builds get on top of their score.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    build_score: Option<i64>,
    /// The fingerprint of the key that signs it alone, from the next pass on; none for the root's. See also `pressroom key rotate --archive`.
    #[arg(long, value_name = "FINGERPRINT|none")]
    signing_key: Option<String>,
    /// `Signed-By` in the Release files: none, keys (those that sign it), or fingerprints with commas between. Clients hold what comes next to it.
    #[arg(long, value_name = "none|keys|FINGERPRINTS")]
    signed_by: Option<SignedBy>,
    /// `Changelogs` in the Release files: a URL with @CHANGEPATH@ in it, no, or nothing.
    #[arg(long, value_name = "URL")]
    changelogs: Option<ReleaseText>,
    /// `Snapshots` in the Release files: a URL with @SNAPSHOTID@ in it and a slash at its end, no, or nothing.
    #[arg(long, value_name = "URL")]
    snapshots: Option<ReleaseText>,
    /// How many of the newest versions of each package stay in the indexes: 1 where nobody says otherwise.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_VERSIONS_KEPT)))]
    keep_versions: Option<u16>,
    /// So long after something else has taken its place a suite can be had as it was, under snapshots/ of the archive, in seconds; none: it cannot.
    #[arg(long, value_name = "SECONDS|none", value_parser = seconds_or_none)]
    keep_snapshots_seconds: Option<u32>,
    /// What makes its Packages and Sources: native, or apt-ftparchive, which looks at every package of an index that changes.
    #[arg(long, value_name = "native|apt-ftparchive")]
    index_engine: Option<IndexEngine>,
    /// Whether ls-lR.gz, a listing of all its files, is made after each publication.
    #[arg(long, value_name = "true|false")]
    ls_lr: Option<bool>,
    /// How many numbers of the journal of changed files stay, which mirrors follow; 0 for no journal.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_NUMBERS_KEPT)))]
    mirror_journal: Option<u32>,
}

/// A number of seconds, or none, which is 0.
fn seconds_or_none(text: &str) -> Result<u32, String> {
    match text {
        "none" => Ok(0),
        _ => text.parse().map_err(|_| format!("{text} is neither a number of seconds nor none")),
    }
}

#[derive(Serialize)]
struct Row {
    archive: String,
    purpose: String,
    display_name: String,
    enabled: bool,
    publish: bool,
    keep_versions: u16,
    /// None: there are no snapshots.
    keep_snapshots_seconds: Option<u32>,
    served_from: String,
    /// Of a copy: what of, why, for which architectures.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<CopyOf>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let (reference, settings) = match self {
            Self::List => return list(session, &root, &db),
            Self::Add { reference, purpose, owner, settings } => {
                let reference = to_be_added(reference, *purpose, owner.as_ref())?;
                if let Some(owner) = reference.owner()
                    && !person::person(db.read(), owner)?.active
                {
                    return Err(exit::usage(format!(
                        "{owner} is not active any more: `pressroom person set {owner} --active true`, or `team set`, comes first"
                    )));
                }
                let row = distribution(db.read(), reference.distribution())?;
                if archives(db.read(), row.id)?.iter().any(|archive| archive.reference == reference) {
                    return Err(StoreError::Exists { what: "archive", name: reference.to_string() }.into());
                }
                (reference, settings)
            }
            Self::Set { reference, settings } => {
                archive(db.read(), reference)?;
                (reference.clone(), settings)
            }
        };
        let description = Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: reference.distribution().clone(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives: vec![ArchiveDescription {
                    name: reference.name().parse()?,
                    display_name: settings.display_name.clone(),
                    description: settings.description.clone(),
                    origin: settings.origin.clone(),
                    label: settings.label.clone(),
                    enabled: settings.enabled,
                    publish: settings.publish,
                    private: settings.private,
                    quota_mib: settings.quota_mib,
                    build_score: settings.build_score,
                    signing_key: settings.signing_key.clone(),
                    signed_by: settings.signed_by.clone(),
                    changelogs: settings.changelogs.clone(),
                    snapshots: settings.snapshots.clone(),
                    keep_versions: settings.keep_versions,
                    keep_snapshots_seconds: settings.keep_snapshots_seconds,
                    index_engine: settings.index_engine,
                    ls_lr: settings.ls_lr,
                    mirror_journal: settings.mirror_journal,
                    owner: reference.owner().cloned(),
                    copy_of: None,
                    suites: Vec::new(),
                    permissions: Vec::new(),
                }],
                series: Vec::new(),
            }],
        };
        let now = session.clock.now();
        db.write(|tx| describe::apply(tx, &description, now))?;
        list(session, &root, &db)
    }
}

/// The archive that is to be added, of its three words one or all may say that it is a PPA.
fn to_be_added(
    reference: &ArchiveReference,
    purpose: Option<ArchivePurpose>,
    owner: Option<&PersonName>,
) -> anyhow::Result<ArchiveReference> {
    let ppa = owner.is_some() || reference.owner().is_some();
    match purpose {
        Some(ArchivePurpose::Primary) => {
            return Err(exit::usage(
                "every distribution has one primary archive, which `pressroom distribution add` makes",
            ));
        }
        Some(ArchivePurpose::Copy) => {
            return Err(exit::usage(format!(
                "a copy is made with what is in it: `pressroom populate-archive --from ARCHIVE/SUITE --to {reference} --reason WHY`"
            )));
        }
        Some(ArchivePurpose::Ppa) if !ppa => {
            return Err(exit::usage("a PPA is somebody's: name that person or team with --owner"));
        }
        Some(ArchivePurpose::Partner) if ppa => {
            return Err(exit::usage("an archive of a person or team is a PPA, not a PARTNER archive"));
        }
        Some(ArchivePurpose::Ppa | ArchivePurpose::Partner) | None => {}
    }
    match (reference.owner(), owner) {
        (Some(named), Some(owner)) if named != owner => {
            Err(exit::usage(format!("{reference} is the archive of {named}, not of {owner}")))
        }
        (None, Some(owner)) => {
            let name = reference.name();
            if *reference == ArchiveReference::primary(reference.distribution().clone()) {
                return Err(exit::usage(format!("a PPA has a name: give it as {reference}/NAME")));
            }
            Ok(ArchiveReference::ppa(owner.clone(), reference.distribution().clone(), name.parse()?))
        }
        (_, _) => Ok(reference.clone()),
    }
}

fn list(session: &Session, root: &crate::root::Root, db: &Db) -> anyhow::Result<End> {
    let mut rows = Vec::new();
    for distribution in distributions(db.read())? {
        for archive in archives(db.read(), distribution.id)? {
            let served_from = root.archive_paths(&archive).root.display().to_string();
            rows.push(Row {
                archive: archive.reference.to_string(),
                purpose: archive.purpose.to_string(),
                display_name: archive.display_name,
                enabled: archive.enabled,
                publish: archive.publish,
                keep_versions: versions_kept(db.read(), archive.id)?,
                keep_snapshots_seconds: kept_seconds(db.read(), archive.id)?,
                served_from,
                copy_of: copy_of(db.read(), archive.id)?,
            });
        }
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let state = match (row.enabled, row.publish) {
                    (false, _) if row.copy_of.is_some() => "disabled",
                    (true, true) => "published",
                    (true, false) => "not published",
                    (false, true) => "takes nothing in",
                    (false, false) => "off",
                };
                vec![
                    row.archive.clone(),
                    row.purpose.clone(),
                    state.to_owned(),
                    row.served_from.clone(),
                    match &row.copy_of {
                        None => row.display_name.clone(),
                        Some(copy) => format!(
                            "{} ({}): {}",
                            row.display_name,
                            copy.architectures.join(" "),
                            copy.reason
                        ),
                    },
                ]
            })
            .collect();
        table(&["ARCHIVE", "PURPOSE", "STATE", "SERVED FROM", "NAME"], &cells)
    })?;
    Ok(End::Success)
}
