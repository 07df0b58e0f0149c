//! The states that rows can be in, in Soyuz's words.

use super::suite::Pocket;
use super::word::words;

words! {
    /// The life of a publication.
    PublicationStatus, "publication status" {
        /// Accepted, and in no index yet.
        Pending = "PENDING",
        /// In the indexes.
        Published = "PUBLISHED",
        /// A newer publication took its place.
        Superseded = "SUPERSEDED",
        /// Taken out by a person.
        Deleted = "DELETED",
        /// Its series ended.
        Obsolete = "OBSOLETE",
    }
}

impl PublicationStatus {
    /// Whether the publication is, or waits to be, in the indexes.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Pending | Self::Published => true,
            Self::Superseded | Self::Deleted | Self::Obsolete => false,
        }
    }
}

words! {
    /// Who has the secret half of a key that signs archives.
    KeyHolder, "holder of a key" {
        /// A file of ours.
        File = "FILE",
        /// gpg.
        Gpg = "GPG",
    }
}

words! {
    /// The life of a series.
    SeriesStatus, "series status" {
        /// Nothing is promised.
        Experimental = "EXPERIMENTAL",
        /// Being made.
        Development = "DEVELOPMENT",
        /// Being made, and every upload looked at.
        Frozen = "FROZEN",
        /// The newest released one.
        Current = "CURRENT",
        /// Released, and still cared for.
        Supported = "SUPPORTED",
        /// No longer cared for.
        Obsolete = "OBSOLETE",
        /// Not begun.
        Future = "FUTURE",
    }
}

impl SeriesStatus {
    /// Whether users rely on its RELEASE pocket staying as it is.
    #[must_use]
    pub const fn is_stable(self) -> bool {
        match self {
            Self::Current | Self::Supported | Self::Obsolete => true,
            Self::Experimental | Self::Development | Self::Frozen | Self::Future => false,
        }
    }
}

words! {
    /// What an archive is for.
    ArchivePurpose, "archive purpose" {
        /// The distribution itself.
        Primary = "PRIMARY",
        /// A person's or team's.
        Ppa = "PPA",
        /// Beside the distribution, under its own terms.
        Partner = "PARTNER",
        /// A copy, for rebuilds.
        Copy = "COPY",
    }
}

impl ArchivePurpose {
    /// Whether nothing changes in a pocket of a series of it: in the release pocket of one that users rely on. In a PPA that pocket is what there is, and
    /// nobody relies on a copy.
    #[must_use]
    pub const fn holds_still(self, pocket: Pocket, status: SeriesStatus) -> bool {
        match self {
            Self::Primary | Self::Partner => matches!(pocket, Pocket::Release) && status.is_stable(),
            Self::Ppa | Self::Copy => false,
        }
    }
}

words! {
    /// How far a request to fill a copy archive has come.
    CopyRequestStatus, "status of a copy request" {
        /// Nobody has begun.
        New = "NEW",
        /// Some of it is done, or somebody is at it.
        InProgress = "INPROGRESS",
        /// All of it is done.
        Complete = "COMPLETE",
        /// It cannot be done.
        Failed = "FAILED",
        /// Whoever is at it has been asked to stop.
        Canceling = "CANCELING",
        /// It was stopped.
        Cancelled = "CANCELLED",
    }
}

impl CopyRequestStatus {
    /// Whether something is still to be done about it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::New | Self::InProgress | Self::Canceling => true,
            Self::Complete | Self::Failed | Self::Cancelled => false,
        }
    }
}

words! {
    /// Source or binary.
    PackageKind, "package kind" {
        /// A source package.
        Source = "SOURCE",
        /// A binary package.
        Binary = "BINARY",
    }
}

words! {
    /// The formats of source packages (dpkg-source(1)); the text is the value of the field `Format`.
    SourceFormat, "source package format" {
        /// A tarball, or an upstream tarball and a diff.
        V1 = "1.0",
        /// A tarball.
        Native = "3.0 (native)",
        /// Upstream tarballs and one with the debian folder.
        Quilt = "3.0 (quilt)",
    }
}

words! {
    /// The formats of binary packages.
    BinaryFormat, "binary package format" {
        /// An ordinary package.
        Deb = "DEB",
        /// A package for the installer.
        Udeb = "UDEB",
        /// Debug symbols.
        Ddeb = "DDEB",
    }
}

impl BinaryFormat {
    /// The folder below the component whose indexes list packages of this format; none for ordinary ones.
    #[must_use]
    pub const fn subcomponent(self) -> Option<&'static str> {
        match self {
            Self::Deb => None,
            Self::Udeb => Some("debian-installer"),
            Self::Ddeb => Some("debug"),
        }
    }
}

words! {
    /// How far a pass has come, which is what recovery has to know.
    PassState, "pass state" {
        /// Nothing live was touched.
        Preparing = "PREPARING",
        /// The trees are being exchanged.
        Installing = "INSTALLING",
        /// The new tree is live and the rows say so.
        Installed = "INSTALLED",
        /// It failed, or was held; every publication is as before.
        Abandoned = "ABANDONED",
    }
}

words! {
    /// How a run ended.
    RunOutcome, "run outcome" {
        /// Everything that had to be done was done.
        Succeeded = "SUCCEEDED",
        /// Something was not done.
        Failed = "FAILED",
        /// A hook held a pass.
        Held = "HELD",
        /// It died; the next run found out.
        Interrupted = "INTERRUPTED",
    }
}

words! {
    /// How a hook's run ended.
    HookOutcome, "hook outcome" {
        /// It did its work.
        Done = "DONE",
        /// It had nothing to do.
        Skipped = "SKIPPED",
        /// It held the pass.
        Veto = "VETO",
        /// Something it needs was not there.
        Temporary = "TEMPORARY",
        /// It said that it failed.
        Failed = "FAILED",
        /// It crashed.
        Trapped = "TRAPPED",
        /// It took too long.
        TimedOut = "TIMED-OUT",
        /// It wanted more than it was given.
        OverLimit = "OVER-LIMIT",
        /// It was not run: it cannot be, or may not.
        Refused = "REFUSED",
    }
}

impl HookOutcome {
    /// Whether the hook's point may go on as if all were well.
    #[must_use]
    pub const fn is_success(self) -> bool {
        match self {
            Self::Done | Self::Skipped => true,
            Self::Veto
            | Self::Temporary
            | Self::Failed
            | Self::Trapped
            | Self::TimedOut
            | Self::OverLimit
            | Self::Refused => false,
        }
    }
}

words! {
    /// Somebody, or several together.
    PersonKind, "kind of person" {
        /// One person.
        Person = "PERSON",
        /// A team of persons and teams.
        Team = "TEAM",
    }
}

words! {
    /// A right over an archive, or a part of it.
    Permission, "permission" {
        /// To upload.
        Upload = "UPLOAD",
        /// To decide what becomes of uploads that wait.
        QueueAdmin = "QUEUE_ADMIN",
    }
}

words! {
    /// By which rules an upload is judged.
    UploadPolicy, "upload policy" {
        /// From anybody: signed, source alone.
        Insecure = "insecure",
        /// From a builder: not signed, for a build that is known.
        Buildd = "buildd",
        /// From another archive, by a program that is trusted: not signed, source alone.
        Sync = "sync",
    }
}

words! {
    /// What became of something that was put into incoming.
    UploadVerdict, "verdict" {
        /// It came in, perhaps to wait for somebody's decision.
        Accepted = "ACCEPTED",
        /// It is not as it must be, and whoever sent it is told why.
        Rejected = "REJECTED",
        /// Nobody can be told: it cannot be read as an upload at all.
        Failed = "FAILED",
    }
}

words! {
    /// The life of an upload that came in.
    UploadStatus, "upload status" {
        /// Something in it was never there before: somebody has to look.
        New = "NEW",
        /// Its series takes nothing without a look.
        Unapproved = "UNAPPROVED",
        /// To be published.
        Accepted = "ACCEPTED",
        /// Its publications are made.
        Done = "DONE",
        /// Refused by a person.
        Rejected = "REJECTED",
    }
}

words! {
    /// What a custom upload is.
    CustomFormat, "custom format" {
        /// Images of the installer.
        DebianInstaller = "DEBIAN_INSTALLER",
        /// Templates for translators.
        RosettaTranslations = "ROSETTA_TRANSLATIONS",
        /// The program that upgrades to the series.
        DistUpgrader = "DIST_UPGRADER",
        /// Translated descriptions.
        DdtpTarball = "DDTP_TARBALL",
        /// Translations that are not translated here.
        StaticTranslations = "STATIC_TRANSLATIONS",
        /// Words about packages, for shops.
        MetaData = "META_DATA",
        /// As `SIGNING`, by its older name.
        Uefi = "UEFI",
        /// Binaries to be signed.
        Signing = "SIGNING",
    }
}

words! {
    /// The life of a build.
    BuildStatus, "build status" {
        /// It waits for a builder.
        NeedsBuild = "NEEDSBUILD",
        /// Its packages are here.
        FullyBuilt = "FULLYBUILT",
        /// It was tried.
        FailedToBuild = "FAILEDTOBUILD",
        /// It waits for packages.
        ManualDepWait = "MANUALDEPWAIT",
        /// The builder could not prepare.
        ChrootWait = "CHROOTWAIT",
        /// A newer source took its source's place.
        Superseded = "SUPERSEDED",
        /// A builder is at it.
        Building = "BUILDING",
        /// What was built did not come in.
        FailedToUpload = "FAILEDTOUPLOAD",
        /// What was built is on its way.
        Uploading = "UPLOADING",
        /// The builder is being stopped.
        Cancelling = "CANCELLING",
        /// Somebody did not want it.
        Cancelled = "CANCELLED",
        /// What was built is being fetched.
        Gathering = "GATHERING",
    }
}

words! {
    /// How a message is sent.
    MessageKind, "kind of message" {
        /// By mail.
        Mail = "MAIL",
        /// By a POST of JSON to a URL.
        Webhook = "WEBHOOK",
    }
}

words! {
    /// The life of a message.
    MessageStatus, "message status" {
        /// To be sent, perhaps again.
        Waiting = "WAITING",
        /// Somebody has taken it.
        Sent = "SENT",
        /// It was tried as often as it may be, or refused for good.
        Failed = "FAILED",
        /// Somebody did not want it sent.
        Dropped = "DROPPED",
    }
}

words! {
    /// What a bug's number is a number of.
    BugTracker, "bug tracker" {
        /// Debian's, or one like it: closed by mail.
        Debbugs = "DEBBUGS",
        /// Launchpad.
        Launchpad = "LAUNCHPAD",
    }
}
