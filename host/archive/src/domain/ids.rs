//! Row ids, one type a table: a publication's id cannot stand where a suite's belongs.

use super::PackageKind;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )+ };
}

ids! {
    /// A row of `distribution`.
    DistributionId,
    /// A row of `archive`.
    ArchiveId,
    /// A row of `distro_series`.
    SeriesId,
    /// A row of `distro_arch_series`.
    ArchSeriesId,
    /// A row of `component`.
    ComponentId,
    /// A row of `suite`.
    SuiteId,
    /// A row of `dirty_suite`.
    DirtId,
    /// A row of `library_file_content`.
    ContentId,
    /// A row of `library_file_alias`.
    AliasId,
    /// A row of `archive_file`.
    ArchiveFileId,
    /// A row of `index_segment`.
    IndexSegmentId,
    /// A row of `index_patch`.
    IndexPatchId,
    /// A row of `source_package_release`.
    SourceReleaseId,
    /// A row of `binary_package_release`.
    BinaryReleaseId,
    /// A row of one of the two publishing histories; which one is said beside it.
    PublicationId,
    /// A row of `script_activity`: one run.
    RunId,
    /// A row of `publisher_pass`.
    PassId,
    /// A row of `publisher_step`: one step of a pass.
    StepId,
    /// A row of `hook_run`: one call of one hook.
    HookRunId,
    /// A row of `person`: a person or a team.
    PersonId,
    /// A row of `openpgp_key`.
    KeyId,
    /// A row of `signing_key`.
    SigningKeyId,
    /// A row of `signing_key_use`.
    KeyUseId,
    /// A row of `snapshot`: a suite as a pass has installed it.
    SnapshotId,
    /// A row of `snapshot_moment`.
    MomentId,
    /// A row of `snapshot_restore`.
    RestoreId,
    /// A row of `archive_auth_token`.
    TokenId,
    /// A row of `package_set`.
    PackageSetId,
    /// A row of `archive_permission`.
    PermissionId,
    /// A row of `package_upload`.
    UploadId,
    /// A row of `package_upload_custom`.
    CustomUploadId,
    /// A row of `custom_publication`.
    CustomPublicationId,
    /// A row of `upload_receipt`.
    ReceiptId,
    /// A row of `binary_package_build`.
    BuildId,
    /// A row of `outbox_message`.
    MessageId,
    /// A row of `package_copy_request`.
    CopyRequestId,
    /// A row of `pool_file`: a name in a pool.
    PoolFileId,
    /// A row of `reaped_file`.
    ReapedFileId,
    /// A row of `expired_content`.
    ExpiredContentId,
    /// A row of `bug_closure`.
    BugClosureId,
    /// A row of `mirror_journal`: one number of a journal.
    MirrorJournalId,
}

/// A release of either kind: a row of `source_package_release` or of `binary_package_release`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageReleaseId {
    /// Of a source package.
    Source(SourceReleaseId),
    /// Of a binary package.
    Binary(BinaryReleaseId),
}

impl PackageReleaseId {
    /// The release that this row of the table of a kind is.
    #[must_use]
    pub const fn of(kind: PackageKind, row: i64) -> Self {
        match kind {
            PackageKind::Source => Self::Source(SourceReleaseId(row)),
            PackageKind::Binary => Self::Binary(BinaryReleaseId(row)),
        }
    }

    /// Of which kind it is.
    #[must_use]
    pub const fn kind(self) -> PackageKind {
        match self {
            Self::Source(_) => PackageKind::Source,
            Self::Binary(_) => PackageKind::Binary,
        }
    }

    /// Its row, in the table of its kind.
    #[must_use]
    pub const fn row(self) -> i64 {
        match self {
            Self::Source(SourceReleaseId(row)) | Self::Binary(BinaryReleaseId(row)) => row,
        }
    }
}

impl From<SourceReleaseId> for PackageReleaseId {
    fn from(release: SourceReleaseId) -> Self {
        Self::Source(release)
    }
}

impl From<BinaryReleaseId> for PackageReleaseId {
    fn from(release: BinaryReleaseId) -> Self {
        Self::Binary(release)
    }
}
