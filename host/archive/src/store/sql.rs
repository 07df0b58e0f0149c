//! Domain values as SQL values: always through their own constructors, so that a damaged row is an error and not a value.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};

use crate::domain::digest::{Md5, Sha1, Sha256};
use crate::domain::name::{
    ArchitectureTag, BinaryName, ComponentName, DistributionName, FileName, PackagePriority, PackageSetName,
    PersonName, Section, SeriesName, SourceName,
};
use crate::domain::version::DebVersion;
use crate::domain::{
    AliasId, ArchSeriesId, ArchiveFileId, ArchiveId, ArchivePurpose, BinaryFormat, BinaryReleaseId,
    BugTracker, BuildId, BuildStatus, BuiltUsingField, ComponentId, Compressor, ContentId, CopyRequestId,
    CopyRequestStatus, CustomFormat, CustomPublicationId, CustomUploadId, DirtId, DistributionId,
    HookOutcome, HookRunId, IndexEngine, IndexPatchId, IndexSegmentId, KeyHolder, KeyId, KeyUseId, MessageId,
    MessageKind, MessageStatus, PackageKind, PackageSetId, PassId, PassPriority, PassState, PatchLimit,
    Permission, PermissionId, PersonId, PersonKind, Pocket, PublicationId, PublicationStatus, ReceiptId,
    RunId, RunOutcome, SegmentSize, SeriesId, SeriesStatus, SigningKeyId, SourceReleaseId, StepId, SuiteId,
    TokenId, Translations, UploadId, UploadPolicy, UploadStatus, UploadVerdict,
};
use crate::domain::{
    BugClosureId, ChangeKind, ExpiredContentId, MirrorCause, MirrorJournalId, MomentId, PoolFileId,
    Publisher, ReapedFileId, RestoreId, SnapshotId, SnapshotName, SuiteAction, SuiteName,
};

macro_rules! as_text {
    ($($name:ty),+ $(,)?) => { $(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )+ };
}

as_text!(
    SourceName,
    BinaryName,
    ComponentName,
    ArchitectureTag,
    DistributionName,
    SeriesName,
    PersonName,
    PackageSetName,
    Section,
    PackagePriority,
    FileName,
    DebVersion,
    Pocket,
    PublicationStatus,
    KeyHolder,
    SeriesStatus,
    ArchivePurpose,
    PackageKind,
    BinaryFormat,
    PassState,
    RunOutcome,
    HookOutcome,
    Compressor,
    Translations,
    IndexEngine,
    PersonKind,
    Permission,
    UploadPolicy,
    UploadStatus,
    UploadVerdict,
    CustomFormat,
    BugTracker,
    BuiltUsingField,
    BuildStatus,
    CopyRequestStatus,
    MessageKind,
    MessageStatus,
    Publisher,
    SuiteAction,
    ChangeKind,
    MirrorCause,
    SnapshotName,
);

macro_rules! as_integer {
    ($($name:ident),+ $(,)?) => { $(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.0.into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map(Self)
            }
        }
    )+ };
}

as_integer!(
    DistributionId,
    ArchiveId,
    ArchiveFileId,
    IndexSegmentId,
    IndexPatchId,
    SeriesId,
    ArchSeriesId,
    ComponentId,
    SuiteId,
    DirtId,
    ContentId,
    AliasId,
    SourceReleaseId,
    BinaryReleaseId,
    PublicationId,
    RunId,
    PassId,
    StepId,
    HookRunId,
    PersonId,
    KeyId,
    SigningKeyId,
    KeyUseId,
    TokenId,
    PackageSetId,
    PermissionId,
    UploadId,
    CustomUploadId,
    CustomPublicationId,
    ReceiptId,
    BuildId,
    MessageId,
    CopyRequestId,
    MomentId,
    RestoreId,
    SnapshotId,
    PoolFileId,
    ReapedFileId,
    ExpiredContentId,
    BugClosureId,
    MirrorJournalId,
);

macro_rules! as_blob {
    ($($name:ty),+) => { $(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                let bytes = bytes.try_into().map_err(|_| FromSqlError::InvalidBlobSize {
                    expected_size: Self::BYTES,
                    blob_size: bytes.len(),
                })?;
                Ok(Self::from_bytes(bytes))
            }
        }
    )+ };
}

as_blob!(Md5, Sha1, Sha256);

impl ToSql for PassPriority {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from(self.as_u8()).into())
    }
}

impl FromSql for PassPriority {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u8::column_result(value).map(Self::new)
    }
}

/// A date as it stands in the tables: microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Date(pub(super) Timestamp);

impl ToSql for Date {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Integer(self.0.as_microsecond())))
    }
}

impl FromSql for Date {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let date = Timestamp::from_microsecond(value.as_i64()?).map_err(FromSqlError::other)?;
        Ok(Self(date))
    }
}

impl ToSql for SegmentSize {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(size(u64::try_from(self.bytes()).unwrap_or(u64::MAX)).into())
    }
}

impl FromSql for SegmentSize {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::new(usize::column_result(value)?).map_err(FromSqlError::other)
    }
}

impl ToSql for PatchLimit {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from(self.count()).into())
    }
}

impl FromSql for PatchLimit {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::new(u32::column_result(value)?).map_err(FromSqlError::other)
    }
}

/// A size in bytes; SQLite's integers are signed.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The name of a suite, from its series and its pocket, which stand in two columns beside each other.
pub(super) fn suite_name(row: &Row<'_>, at: usize) -> rusqlite::Result<SuiteName> {
    let (series, pocket): (SeriesName, Pocket) = (row.get(at)?, row.get(at + 1)?);
    Ok(SuiteName::new(series, pocket))
}

/// A row that was asked for, and made if needed. What depends on a new row cannot be there either, and need not be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made<T> {
    /// It was not there.
    New(T),
    /// It was there.
    Known(T),
}

impl<T: Copy> Made<T> {
    /// The row.
    #[must_use]
    pub const fn row(self) -> T {
        match self {
            Self::New(row) | Self::Known(row) => row,
        }
    }
}
