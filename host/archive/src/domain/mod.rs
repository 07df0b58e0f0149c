//! The field's words as types: nothing here reads a file or a row.

mod archive_reference;
mod chain;
mod compression;
pub mod digest;
mod ids;
pub mod name;
mod pass_priority;
mod publisher;
mod release_text;
mod status;
mod suite;
pub mod version;
mod word;

pub use archive_reference::{ArchiveReference, PRIMARY_ARCHIVE_NAME};
pub use chain::chain;
pub use compression::{Checksum, Compressor, SegmentSize, SegmentSizeError};
pub use digest::{FileDigests, Md5, Sha1, Sha256};
pub use ids::{
    AliasId, ArchSeriesId, ArchiveFileId, ArchiveId, BinaryReleaseId, BuildId, ComponentId, ContentId,
    CustomPublicationId, CustomUploadId, DirtId, DistributionId, HookRunId, IndexSegmentId, KeyId, MessageId,
    PackageSetId, PassId, PermissionId, PersonId, PublicationId, ReceiptId, RunId, SeriesId, SourceReleaseId,
    SuiteId, UploadId,
};
pub use name::{
    ArchitectureTag, BinaryName, ComponentName, DistributionName, FileName, NameError, NameFault,
    PackagePriority, PackageSetName, PersonName, Section, SeriesName, SourceName,
};
pub use pass_priority::PassPriority;
pub use publisher::{ChangeKind, Publisher, SuiteAction};
pub use release_text::{ReleaseText, ReleaseTextError};
pub use status::{
    ArchivePurpose, BinaryFormat, BugTracker, BuildStatus, CustomFormat, HookOutcome, MessageKind,
    MessageStatus, PackageKind, PassState, Permission, PersonKind, PublicationStatus, RunOutcome,
    SeriesStatus, SourceFormat, UploadPolicy, UploadStatus, UploadVerdict,
};
pub use suite::{Pocket, SuiteName};
pub use version::DebVersion;
pub use word::WordError;
