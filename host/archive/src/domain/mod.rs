//! The field's words as types: nothing here reads a file or a row.

pub mod archive_layout;
mod archive_reference;
mod at_least_one;
mod chain;
mod compression;
pub mod digest;
mod extra_field;
mod ids;
mod ingredient;
mod mail_address;
mod mirror;
pub mod name;
mod pass_priority;
pub mod plain;
pub mod problem;
mod publisher;
mod release_text;
mod script;
mod signed_by;
mod snapshot_name;
mod status;
mod suite;
pub mod version;
mod word;

pub use archive_reference::{ArchiveReference, PRIMARY_ARCHIVE_NAME};
pub use at_least_one::{Compressors, NoCompressor, NoSourceFormat, SourceFormats};
pub use chain::chain;
pub use compression::{
    Checksum, Compressor, IndexEngine, PatchLimit, PatchLimitError, SegmentSize, SegmentSizeError,
    Translations,
};
pub use digest::{FileDigests, Md5, Sha1, Sha256};
pub use extra_field::{ExtraField, ExtraFieldError, ExtraFieldName};
pub use ids::{
    AliasId, ArchSeriesId, ArchiveFileId, ArchiveId, BinaryReleaseId, BugClosureId, BuildId, ComponentId,
    ContentId, CopyRequestId, CustomPublicationId, CustomUploadId, DirtId, DistributionId, ExpiredContentId,
    HookRunId, IndexPatchId, IndexSegmentId, KeyId, KeyUseId, MessageId, MirrorJournalId, MomentId,
    PackageReleaseId, PackageSetId, PassId, PermissionId, PersonId, PoolFileId, PublicationId, ReapedFileId,
    ReceiptId, RestoreId, RunId, SeriesId, SigningKeyId, SnapshotId, SourceReleaseId, StepId, SuiteId,
    TokenId, UploadId,
};
pub use ingredient::{BuiltUsingField, Ingredient};
pub use mail_address::{MailAddress, MailAddressError};
pub use mirror::{FileChange, MirrorCause};
pub use name::{
    ArchitectureTag, BinaryName, ComponentName, DistributionName, FileName, NameError, NameFault,
    PackagePriority, PackageSetName, PersonName, Section, SeriesName, SourceName,
};
pub use pass_priority::PassPriority;
pub use publisher::{ChangeKind, Publisher, SuiteAction};
pub use release_text::{ReleaseText, ReleaseTextError, ReleaseWord, ReleaseWordError};
pub use script::{Failing, Script, ScriptState};
pub use signed_by::{SignedBy, SignedByError};
pub use snapshot_name::{SnapshotName, SnapshotNameError};
pub use status::{
    ArchivePurpose, BinaryFormat, BugTracker, BuildStatus, CopyRequestStatus, CustomFormat, HookOutcome,
    KeyHolder, MessageKind, MessageStatus, PackageKind, PassState, Permission, PersonKind, PublicationStatus,
    RunOutcome, SeriesStatus, SourceFormat, UploadPolicy, UploadStatus, UploadVerdict,
};
pub use suite::{Pocket, SuiteName};
pub use version::DebVersion;
pub use word::WordError;
