//! `pressroom:hooks@0.1.0` as the worker speaks it, and its conversion to and from [`messages`](crate::messages): the only place
//! that knows both. A later version of the WIT gets a module like this beside it, and the guest is asked once which it speaks.

use wasmtime::component::{HasSelf, Linker, Resource};

use super::{
    bridge::{Bridge, BridgeError},
    guest::GuestState,
};
use crate::messages::{self, ByteBuf, HostReply, HostRequest};

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "made by a macro")]
    wasmtime::component::bindgen!({
        world: "hooks",
        path: "../../wit",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "pressroom:hooks/archive.change-set": super::Changes,
            "pressroom:hooks/archive.package-list": super::Packages,
            "pressroom:hooks/archive.contents-list": super::Contents,
            "pressroom:hooks/journal.file-changes": super::FileChanges,
        },
        require_store_data_send: true,
    });
}

pub(super) use generated::exports::pressroom::hooks as points;
use generated::pressroom::hooks as wit;

/// How far a guest has read the changes.
#[expect(unreachable_pub, reason = "the macro re-exports it")]
pub struct Changes {
    offset: u64,
}

/// How far a guest has read an index.
#[expect(unreachable_pub, reason = "the macro re-exports it")]
pub struct Packages {
    index: messages::Index,
    offset: u64,
}

/// How far a guest has read the files of an index.
#[expect(unreachable_pub, reason = "the macro re-exports it")]
pub struct Contents {
    index: messages::Index,
    names: Vec<String>,
    below: Vec<String>,
    offset: u64,
}

/// How far a guest has read a number of a journal.
#[expect(unreachable_pub, reason = "the macro re-exports it")]
pub struct FileChanges {
    archive: String,
    number: u64,
    offset: u64,
}

/// Lets a guest import everything of this version.
pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    generated::Hooks::add_to_linker::<_, HasSelf<GuestState>>(linker, |state| state)
}

impl wit::types::Host for GuestState {}

impl wit::log::Host for GuestState {
    fn write(&mut self, level: wit::log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            wit::log::Level::Debug => messages::Level::Debug,
            wit::log::Level::Info => messages::Level::Info,
            wit::log::Level::Warn => messages::Level::Warn,
            wit::log::Level::Error => messages::Level::Error,
        };
        Ok(self.bridge.log(level, &message)?)
    }
}

impl wit::config::Host for GuestState {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.config_json.clone())
    }
}

impl wit::archive::Host for GuestState {
    fn suites(
        &mut self,
        archive: String,
    ) -> wasmtime::Result<Result<Vec<wit::types::Suite>, wit::archive::ArchiveError>> {
        let HostReply::Suites(reply) = self.bridge.ask(HostRequest::Suites { archive })? else {
            return wrong();
        };
        Ok(in_wit(reply))
    }

    fn changes(&mut self) -> wasmtime::Result<Result<Resource<Changes>, wit::archive::ArchiveError>> {
        Ok(match self.page_of_changes(0, 0)? {
            Ok(_) => Ok(self.handles.push(Changes { offset: 0 })?),
            Err(error) => Err(error.into()),
        })
    }

    fn packages(
        &mut self,
        index: wit::archive::Index,
    ) -> wasmtime::Result<Result<Resource<Packages>, wit::archive::ArchiveError>> {
        let index = messages::Index::from(index);
        Ok(match self.page_of_packages(index.clone(), 0, 0)? {
            Ok(_) => Ok(self.handles.push(Packages { index, offset: 0 })?),
            Err(error) => Err(error.into()),
        })
    }

    fn contents(
        &mut self,
        index: wit::archive::Index,
        names: Vec<String>,
        below: Vec<String>,
    ) -> wasmtime::Result<Result<Resource<Contents>, wit::archive::ArchiveError>> {
        let contents = Contents { index: index.into(), names, below, offset: 0 };
        Ok(match Self::page_of_contents(&mut self.bridge, &contents, 0)? {
            Ok(_) => Ok(self.handles.push(contents)?),
            Err(error) => Err(error.into()),
        })
    }

    fn previous_pass(
        &mut self,
        archive: String,
    ) -> wasmtime::Result<Result<Option<u64>, wit::archive::ArchiveError>> {
        let request = HostRequest::PreviousPass { archive };
        let HostReply::PreviousPass(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply.map_err(Into::into))
    }
}

impl wit::archive::HostContentsList for GuestState {
    fn next(
        &mut self,
        contents: Resource<Contents>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<wit::archive::PackageContents>, wit::archive::ArchiveError>> {
        let page = Self::page_of_contents(&mut self.bridge, self.handles.get(&contents)?, max)?;
        self.handles.get_mut(&contents)?.offset += page.as_ref().map_or(0, |page| page.len() as u64);
        Ok(in_wit(page))
    }

    fn drop(&mut self, contents: Resource<Contents>) -> wasmtime::Result<()> {
        self.handles.delete(contents)?;
        Ok(())
    }
}

impl wit::archive::HostChangeSet for GuestState {
    fn next(
        &mut self,
        changes: Resource<Changes>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<wit::archive::Change>, wit::archive::ArchiveError>> {
        let offset = self.handles.get(&changes)?.offset;
        let page = self.page_of_changes(offset, max)?;
        self.handles.get_mut(&changes)?.offset += page.as_ref().map_or(0, |page| page.len() as u64);
        Ok(in_wit(page))
    }

    fn drop(&mut self, changes: Resource<Changes>) -> wasmtime::Result<()> {
        self.handles.delete(changes)?;
        Ok(())
    }
}

impl wit::archive::HostPackageList for GuestState {
    fn next(
        &mut self,
        packages: Resource<Packages>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<wit::archive::Package>, wit::archive::ArchiveError>> {
        let Packages { index, offset } = self.handles.get(&packages)?;
        let (index, offset) = (index.clone(), *offset);
        let page = self.page_of_packages(index, offset, max)?;
        self.handles.get_mut(&packages)?.offset += page.as_ref().map_or(0, |page| page.len() as u64);
        Ok(in_wit(page))
    }

    fn drop(&mut self, packages: Resource<Packages>) -> wasmtime::Result<()> {
        self.handles.delete(packages)?;
        Ok(())
    }
}

impl wit::journal::Host for GuestState {
    fn numbers(
        &mut self,
        archive: String,
    ) -> wasmtime::Result<Result<Option<wit::journal::Span>, wit::archive::ArchiveError>> {
        let request = HostRequest::JournalNumbers { archive };
        let HostReply::JournalNumbers(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply
            .map(|numbers| numbers.map(|(first, last)| wit::journal::Span { first, last }))
            .map_err(Into::into))
    }

    fn changes(
        &mut self,
        archive: String,
        number: u64,
    ) -> wasmtime::Result<Result<Resource<FileChanges>, wit::archive::ArchiveError>> {
        let changes = FileChanges { archive, number, offset: 0 };
        Ok(match Self::page_of_file_changes(&mut self.bridge, &changes, 0)? {
            Ok(_) => Ok(self.handles.push(changes)?),
            Err(error) => Err(error.into()),
        })
    }
}

impl wit::journal::HostFileChanges for GuestState {
    fn next(
        &mut self,
        changes: Resource<FileChanges>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<wit::journal::FileChange>, wit::archive::ArchiveError>> {
        let page = Self::page_of_file_changes(&mut self.bridge, self.handles.get(&changes)?, max)?;
        self.handles.get_mut(&changes)?.offset += page.as_ref().map_or(0, |page| page.len() as u64);
        Ok(in_wit(page))
    }

    fn drop(&mut self, changes: Resource<FileChanges>) -> wasmtime::Result<()> {
        self.handles.delete(changes)?;
        Ok(())
    }
}

impl wit::staging::Host for GuestState {
    fn list_files(
        &mut self,
        folder: String,
    ) -> wasmtime::Result<Result<Vec<wit::staging::Entry>, wit::staging::StagingError>> {
        let HostReply::Files(reply) = self.bridge.ask(HostRequest::StagingList { folder })? else {
            return wrong();
        };
        Ok(in_wit(reply))
    }

    fn read(
        &mut self,
        path: String,
        offset: u64,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, wit::staging::StagingError>> {
        let request = HostRequest::StagingRead { path, offset, max_bytes };
        let HostReply::Content(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply.map(ByteBuf::into_vec).map_err(Into::into))
    }

    fn write(
        &mut self,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit::staging::StagingError>> {
        self.staged(HostRequest::StagingWrite { path, content })
    }

    fn append(
        &mut self,
        path: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), wit::staging::StagingError>> {
        self.staged(HostRequest::StagingAppend { path, content })
    }

    fn remove(&mut self, path: String) -> wasmtime::Result<Result<(), wit::staging::StagingError>> {
        self.staged(HostRequest::StagingRemove { path })
    }
}

impl wit::signing::Host for GuestState {
    fn sign(
        &mut self,
        input: String,
        output: String,
        mode: wit::signing::Mode,
    ) -> wasmtime::Result<Result<(), wit::staging::StagingError>> {
        let mode = match mode {
            wit::signing::Mode::Detached => messages::SigningMode::Detached,
            wit::signing::Mode::Clear => messages::SigningMode::Clear,
        };
        self.staged(HostRequest::Sign { input, output, mode })
    }
}

impl wit::state::Host for GuestState {
    fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, wit::state::StateError>> {
        let HostReply::Value(reply) = self.bridge.ask(HostRequest::StateGet { key })? else { return wrong() };
        Ok(reply.map(|value| value.map(ByteBuf::into_vec)).map_err(Into::into))
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), wit::state::StateError>> {
        self.stored(HostRequest::StateSet { key, value })
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), wit::state::StateError>> {
        self.stored(HostRequest::StateDelete { key })
    }

    fn keys(&mut self) -> wasmtime::Result<Result<Vec<String>, wit::state::StateError>> {
        let HostReply::Keys(reply) = self.bridge.ask(HostRequest::StateKeys)? else { return wrong() };
        Ok(reply.map_err(Into::into))
    }
}

impl GuestState {
    fn page_of_changes(
        &mut self,
        offset: u64,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<messages::Change>, messages::ArchiveError>> {
        let request = HostRequest::Changes { offset, max };
        let HostReply::Changes(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply)
    }

    fn page_of_packages(
        &mut self,
        index: messages::Index,
        offset: u64,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<messages::Package>, messages::ArchiveError>> {
        let request = HostRequest::Packages { index, offset, max };
        let HostReply::Packages(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply)
    }

    fn page_of_contents(
        bridge: &mut Bridge,
        contents: &Contents,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<messages::PackageContents>, messages::ArchiveError>> {
        let Contents { index, names, below, offset } = contents;
        let (index, names, below) = (index.clone(), names.clone(), below.clone());
        let request = HostRequest::Contents { index, names, below, offset: *offset, max };
        let HostReply::Contents(reply) = bridge.ask(request)? else { return wrong() };
        Ok(reply)
    }

    fn page_of_file_changes(
        bridge: &mut Bridge,
        changes: &FileChanges,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<messages::FileChange>, messages::ArchiveError>> {
        let FileChanges { archive, number, offset } = changes;
        let request =
            HostRequest::JournalChanges { archive: archive.clone(), number: *number, offset: *offset, max };
        let HostReply::JournalChanges(reply) = bridge.ask(request)? else { return wrong() };
        Ok(reply)
    }

    fn staged(&mut self, request: HostRequest) -> wasmtime::Result<Result<(), wit::staging::StagingError>> {
        let HostReply::Staged(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply.map_err(Into::into))
    }

    fn stored(&mut self, request: HostRequest) -> wasmtime::Result<Result<(), wit::state::StateError>> {
        let HostReply::Stored(reply) = self.bridge.ask(request)? else { return wrong() };
        Ok(reply.map_err(Into::into))
    }
}

/// The host's answer is of another kind than the question.
fn wrong<T>() -> wasmtime::Result<T> {
    Err(BridgeError::WrongAnswer.into())
}

/// A list, or why there is none, in the words of the WIT.
fn in_wit<T, U: From<T>, E, F: From<E>>(reply: Result<Vec<T>, E>) -> Result<Vec<U>, F> {
    reply.map(|items| items.into_iter().map(Into::into).collect()).map_err(Into::into)
}

impl From<messages::Entry> for wit::staging::Entry {
    fn from(entry: messages::Entry) -> Self {
        let messages::Entry { path, size_bytes } = entry;
        Self { path, size_bytes }
    }
}

impl From<messages::Pocket> for wit::types::Pocket {
    fn from(pocket: messages::Pocket) -> Self {
        match pocket {
            messages::Pocket::Release => Self::Release,
            messages::Pocket::Security => Self::Security,
            messages::Pocket::Updates => Self::Updates,
            messages::Pocket::Proposed => Self::Proposed,
            messages::Pocket::Backports => Self::Backports,
        }
    }
}

impl From<messages::Suite> for wit::types::Suite {
    fn from(suite: messages::Suite) -> Self {
        let messages::Suite { name, series, pocket, components, architectures } = suite;
        Self { name, series, pocket: pocket.into(), components, architectures }
    }
}

impl From<messages::PassContext> for wit::types::PassContext {
    fn from(context: messages::PassContext) -> Self {
        let messages::PassContext {
            run,
            pass,
            priority,
            distribution,
            archive,
            suites,
            started,
            site_name,
            dry_run,
        } = context;
        let suites = suites.into_iter().map(Into::into).collect();
        Self { run, pass, priority, distribution, archive, suites, started, site_name, dry_run }
    }
}

impl From<messages::FinalizeContext> for wit::types::FinalizeContext {
    fn from(context: messages::FinalizeContext) -> Self {
        let messages::FinalizeContext {
            run,
            pass,
            priority,
            distribution,
            archives,
            suites,
            started,
            site_name,
            dry_run,
        } = context;
        let suites = suites.into_iter().map(Into::into).collect();
        Self { run, pass, priority, distribution, archives, suites, started, site_name, dry_run }
    }
}

impl From<wit::types::Report> for messages::Report {
    fn from(report: wit::types::Report) -> Self {
        let wit::types::Report { outcome, summary, details } = report;
        let outcome = match outcome {
            wit::types::Outcome::Done => messages::Outcome::Done,
            wit::types::Outcome::Skipped => messages::Outcome::Skipped,
        };
        Self { outcome, summary, details }
    }
}

/// What the guest's answer means.
pub(super) fn outcome(answer: Result<wit::types::Report, wit::types::HookError>) -> messages::CallOutcome {
    match answer {
        Ok(report) => messages::CallOutcome::Report(report.into()),
        Err(wit::types::HookError::Veto(reason)) => messages::CallOutcome::Veto(reason),
        Err(wit::types::HookError::Temporary(reason)) => messages::CallOutcome::Temporary(reason),
        Err(wit::types::HookError::Failed(reason)) => messages::CallOutcome::Failed(reason),
    }
}

impl From<messages::Change> for wit::archive::Change {
    fn from(change: messages::Change) -> Self {
        let messages::Change {
            action,
            kind,
            name,
            version,
            architecture,
            archive,
            suite,
            component,
            section,
            priority,
            source,
        } = change;
        let action = match action {
            messages::Action::Published => wit::archive::Action::Published,
            messages::Action::Superseded => wit::archive::Action::Superseded,
            messages::Action::Deleted => wit::archive::Action::Deleted,
        };
        let kind = match kind {
            messages::PackageKind::Source => wit::archive::PackageKind::Source,
            messages::PackageKind::Binary => wit::archive::PackageKind::Binary,
        };
        Self {
            action,
            kind,
            name,
            version,
            architecture,
            archive,
            suite,
            component,
            section,
            priority,
            source,
        }
    }
}

impl From<messages::Package> for wit::archive::Package {
    fn from(package: messages::Package) -> Self {
        let messages::Package {
            name,
            version,
            architecture,
            component,
            section,
            priority,
            source,
            source_version,
        } = package;
        Self { name, version, architecture, component, section, priority, source, source_version }
    }
}

impl From<messages::PackageContents> for wit::archive::PackageContents {
    fn from(contents: messages::PackageContents) -> Self {
        let messages::PackageContents { name, version, architecture, paths } = contents;
        Self { name, version, architecture, paths }
    }
}

impl From<messages::FileChange> for wit::journal::FileChange {
    fn from(change: messages::FileChange) -> Self {
        match change {
            messages::FileChange::File { path, size_bytes, sha256 } => {
                Self::File(wit::journal::File { path, size_bytes, sha256 })
            }
            messages::FileChange::Link { path, target } => Self::Link(wit::journal::Link { path, target }),
            messages::FileChange::Removed(path) => Self::Removed(path),
            messages::FileChange::Everything => Self::Everything,
        }
    }
}

impl From<wit::archive::Index> for messages::Index {
    fn from(index: wit::archive::Index) -> Self {
        let wit::archive::Index { archive, suite, component, architecture } = index;
        Self { archive, suite, component, architecture }
    }
}

impl From<messages::ArchiveError> for wit::archive::ArchiveError {
    fn from(error: messages::ArchiveError) -> Self {
        match error {
            messages::ArchiveError::Unknown(what) => Self::Unknown(what),
            messages::ArchiveError::Denied => Self::Denied,
            messages::ArchiveError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<messages::StagingError> for wit::staging::StagingError {
    fn from(error: messages::StagingError) -> Self {
        match error {
            messages::StagingError::NotFound => Self::NotFound,
            messages::StagingError::BadPath(reason) => Self::BadPath(reason),
            messages::StagingError::Denied(reason) => Self::Denied(reason),
            messages::StagingError::Quota(reason) => Self::Quota(reason),
            messages::StagingError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<messages::StateError> for wit::state::StateError {
    fn from(error: messages::StateError) -> Self {
        match error {
            messages::StateError::Denied => Self::Denied,
            messages::StateError::BadKey(reason) => Self::BadKey(reason),
            messages::StateError::Quota(reason) => Self::Quota(reason),
            messages::StateError::Failed(reason) => Self::Failed(reason),
        }
    }
}
