//! What mails say: templates, Pressroom's own or a distribution's.
//!
//! A template is a text file in the language of minijinja (Jinja's). Its first line is `Subject: …`, the next is empty, the rest is the mail.
//! A distribution replaces any of them by a file in its folder; one that cannot be used is an error with its line, and never silently replaced
//! by Pressroom's own. A variable that does not exist is an error too. What a template may take is bounded.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::domain::plain;
use crate::domain::problem::Problem;
use crate::domain::{DistributionName, UploadPolicy};

use super::NotifyError;
use super::facts::{FactKind, UploadFacts};

/// The longest template, in bytes.
const MAX_TEMPLATE_BYTES: usize = 64 << 10;
/// The longest mail, in bytes.
const MAX_MAIL_BYTES: usize = 1 << 20;
/// The longest changelog or `.changes` in a mail, in bytes.
const MAX_CHANGES_BYTES: usize = 256 << 10;
/// So many packages, and so many problems, are listed.
const MAX_LISTED: usize = 500;
/// The longest changelog or `.changes`, in bytes, of a mail that would be too long.
const SHORT_CHANGES_BYTES: usize = 16 << 10;
/// So many of each are listed in such a mail.
const SHORT_LISTED: usize = 20;
/// The longest line about a problem, in characters.
const MAX_PROBLEM: usize = 2000;
/// Instructions of the template engine: enough for every list at its longest, and no endless loop.
const FUEL: u64 = 2_000_000;

/// The mails that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// To those concerned: it will be published.
    Accepted,
    /// To those concerned: something in it is new.
    New,
    /// To those concerned: it waits for approval.
    Unapproved,
    /// To those concerned: it was refused.
    Rejected,
    /// To a list.
    Announcement,
    /// To a bug tracker.
    Bug,
    /// To the operators: runs of a script do not succeed.
    RunFailed,
    /// To the operators: they do again.
    RunRecovered,
}

impl Template {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::New,
        Self::Unapproved,
        Self::Rejected,
        Self::Announcement,
        Self::Bug,
        Self::RunFailed,
        Self::RunRecovered,
    ];

    /// Whether it is about runs, and not about an upload.
    const fn is_about_runs(self) -> bool {
        matches!(self, Self::RunFailed | Self::RunRecovered)
    }

    /// The file that replaces it.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted.txt",
            Self::New => "new.txt",
            Self::Unapproved => "unapproved.txt",
            Self::Rejected => "rejected.txt",
            Self::Announcement => "announcement.txt",
            Self::Bug => "bug.txt",
            Self::RunFailed => "run-failed.txt",
            Self::RunRecovered => "run-recovered.txt",
        }
    }

    /// Pressroom's own.
    #[must_use]
    pub const fn own(self) -> &'static str {
        match self {
            Self::Accepted => include_str!("templates/accepted.txt"),
            Self::New => include_str!("templates/new.txt"),
            Self::Unapproved => include_str!("templates/unapproved.txt"),
            Self::Rejected => include_str!("templates/rejected.txt"),
            Self::Announcement => include_str!("templates/announcement.txt"),
            Self::Bug => include_str!("templates/bug.txt"),
            Self::RunFailed => include_str!("templates/run-failed.txt"),
            Self::RunRecovered => include_str!("templates/run-recovered.txt"),
        }
    }
}

/// A mail's subject and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// Lines.
    pub body: String,
}

/// What templates can say. Every name is there always; what is not known is empty.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// How this host is called.
    pub site: String,
    /// `debian`.
    pub distribution: String,
    /// `Debian`, as people write it.
    pub distribution_title: String,
    /// `debian`, or `debian/partner`.
    pub archive: String,
    /// `bookworm-security`.
    pub suite: String,
    /// `bookworm-security (debian)`.
    pub target: String,
    /// The row of the upload; 0: it did not come in.
    pub upload: i64,
    /// `hello 1.0`, or the name of a file where that is not known.
    pub title: String,
    /// `hello`.
    pub source: String,
    /// `1.0`.
    pub version: String,
    /// `Ann Uploader <ann@example.org>`.
    pub changed_by: String,
    /// The same of the maintainer.
    pub maintainer: String,
    /// Who signed, as people write it.
    pub signer: String,
    /// `insecure`, `buildd` or `sync`.
    pub policy: UploadPolicy,
    /// What is in it.
    pub packages: Vec<ToldPackage>,
    /// How many more there are than are listed.
    pub more_packages: usize,
    /// Why it was refused.
    pub problems: Vec<ToldProblem>,
    /// How many more there are than are listed.
    pub more_problems: usize,
    /// What is odd about it.
    pub warnings: Vec<ToldProblem>,
    /// What somebody said when it was refused.
    pub comment: String,
    /// The changelog of this version.
    pub changes: String,
    /// The whole `.changes`, without its signature.
    pub changes_text: String,
    /// The bug that it closes; 0: the mail is about none.
    pub bug: u64,
}

/// A package, or another file, of an upload.
#[derive(Debug, Clone, Serialize)]
pub struct ToldPackage {
    /// `hello 1.0 amd64`.
    pub name: String,
    /// What it is.
    pub kind: FactKind,
    /// `main`.
    pub component: String,
    /// `devel`.
    pub section: String,
    /// `main/devel`.
    pub place: String,
    /// Whether nothing of its name was there before.
    pub is_new: bool,
}

/// A problem.
#[derive(Debug, Clone, Serialize)]
pub struct ToldProblem {
    /// The check that found it.
    pub check: &'static str,
    /// The file that it is about.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
    /// All of this in one line.
    pub line: String,
}

impl ToldProblem {
    fn new(problem: &Problem) -> Self {
        Self {
            check: problem.check,
            file: plain::line(problem.file.as_deref().unwrap_or_default(), MAX_PROBLEM),
            what: plain::line(&problem.what, MAX_PROBLEM),
            remedy: plain::line(&problem.remedy, MAX_PROBLEM),
            line: plain::line(&problem.to_string(), MAX_PROBLEM),
        }
    }
}

impl Told {
    /// What an upload's facts say, made fit for a mail.
    #[must_use]
    pub fn of(facts: &UploadFacts, site: &str, distribution_title: &str, signer: &str) -> Self {
        let short = |text: &str| plain::line(text, 300);
        let archive = facts.archive.as_ref().map(|archive| archive.reference.to_string()).unwrap_or_default();
        let suite = facts.suite.as_ref().map(|suite| suite.name.to_string()).unwrap_or_default();
        let target = if suite.is_empty() { archive.clone() } else { format!("{suite} ({archive})") };
        let distribution = facts.archive.as_ref().map(|archive| archive.reference.distribution().to_string());
        let packages: Vec<ToldPackage> = facts
            .files
            .iter()
            .filter(|file| file.kind != FactKind::Other)
            .take(MAX_LISTED)
            .map(|file| {
                let component = file.component.as_ref().map(ToString::to_string).unwrap_or_default();
                let section = file.section.as_ref().map(|section| section.without_component().to_owned());
                let section = section.unwrap_or_default();
                let place: Vec<&str> = [component.as_str(), section.as_str()]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect();
                ToldPackage {
                    name: short(&file.name),
                    kind: file.kind,
                    place: place.join("/"),
                    is_new: file.is_new,
                    component,
                    section,
                }
            })
            .collect();
        let all_packages = facts.files.iter().filter(|file| file.kind != FactKind::Other).count();
        Self {
            site: short(site),
            distribution: distribution.unwrap_or_default(),
            distribution_title: short(distribution_title),
            archive,
            suite,
            target,
            upload: facts.upload.map_or(0, |id| id.0),
            title: short(&facts.title()),
            source: short(facts.source.as_deref().unwrap_or_default()),
            version: short(facts.version.as_deref().unwrap_or_default()),
            changed_by: short(&facts.changed_by),
            maintainer: short(&facts.maintainer),
            signer: short(signer),
            policy: facts.policy,
            more_packages: all_packages - packages.len(),
            packages,
            problems: Vec::new(),
            more_problems: 0,
            warnings: facts.warnings.iter().take(MAX_LISTED).map(ToldProblem::new).collect(),
            comment: String::new(),
            changes: plain::lines(facts.changes.trim_end(), MAX_CHANGES_BYTES),
            changes_text: plain::lines(facts.changes_text.trim_end(), MAX_CHANGES_BYTES),
            bug: 0,
        }
    }

    /// The same with the reasons of a refusal.
    #[must_use]
    pub fn refused(mut self, problems: &[Problem], comment: &str) -> Self {
        self.problems = problems.iter().take(MAX_LISTED).map(ToldProblem::new).collect();
        self.more_problems = problems.len() - self.problems.len();
        self.comment = plain::lines(comment.trim(), MAX_CHANGES_BYTES);
        self
    }

    /// The same with a part of what is long.
    fn shortened(&self) -> Self {
        let mut short = self.clone();
        short.changes = plain::lines(&self.changes, SHORT_CHANGES_BYTES);
        short.changes_text = plain::lines(&self.changes_text, SHORT_CHANGES_BYTES);
        short.comment = plain::lines(&self.comment, SHORT_CHANGES_BYTES);
        short.packages.truncate(SHORT_LISTED);
        short.more_packages += self.packages.len() - short.packages.len();
        short.problems.truncate(SHORT_LISTED);
        short.more_problems += self.problems.len() - short.problems.len();
        short.warnings.truncate(SHORT_LISTED);
        short
    }

    /// The same of an upload of which hardly anything is known.
    fn bare(&self) -> Self {
        Self {
            site: self.site.clone(),
            distribution: String::new(),
            distribution_title: self.distribution_title.clone(),
            archive: String::new(),
            suite: String::new(),
            target: String::new(),
            upload: 0,
            title: self.title.clone(),
            source: String::new(),
            version: String::new(),
            changed_by: String::new(),
            maintainer: String::new(),
            signer: String::new(),
            policy: self.policy,
            packages: Vec::new(),
            more_packages: 0,
            problems: Vec::new(),
            more_problems: 0,
            warnings: Vec::new(),
            comment: String::new(),
            changes: String::new(),
            changes_text: String::new(),
            bug: 0,
        }
    }

    /// Something of everything: to try a template with.
    fn sample() -> Self {
        let text = |text: &str| text.to_owned();
        let problem = ToldProblem {
            check: "sample",
            file: text("sample_1.0.dsc"),
            what: text("something is wrong"),
            remedy: text("correct it"),
            line: text("sample_1.0.dsc: something is wrong: correct it"),
        };
        Self {
            site: text("archive.example.org"),
            distribution: text("sample"),
            distribution_title: text("Sample"),
            archive: text("sample"),
            suite: text("one"),
            target: text("one (sample)"),
            upload: 1,
            title: text("sample 1.0"),
            source: text("sample"),
            version: text("1.0"),
            changed_by: text("Ann Uploader <ann@example.org>"),
            maintainer: text("Ann Uploader <ann@example.org>"),
            signer: text("Ann Uploader"),
            policy: UploadPolicy::Insecure,
            packages: vec![ToldPackage {
                name: text("sample 1.0"),
                kind: FactKind::Source,
                component: text("main"),
                section: text("misc"),
                place: text("main/misc"),
                is_new: true,
            }],
            more_packages: 0,
            problems: vec![problem.clone()],
            more_problems: 0,
            warnings: vec![problem],
            comment: text("A comment."),
            changes: text("sample (1.0) one; urgency=low"),
            changes_text: text("Format: 1.8"),
            bug: 1,
        }
    }
}

/// What templates about runs can say. Every name is there always; what is not known is empty.
#[derive(Debug, Clone, Serialize)]
pub struct ToldRun {
    /// How this host is called.
    pub site: String,
    /// `publish of demo`.
    pub title: String,
    /// `publish`.
    pub script: String,
    /// `demo`; empty: of none, or of several.
    pub distribution: String,
    /// What it is about beside that, as a folder of uploads.
    pub scope: String,
    /// The run's number.
    pub run: i64,
    /// On which host it ran.
    pub host: String,
    /// `FAILED`, `HELD` or `INTERRUPTED`; of a recovery `SUCCEEDED`.
    pub outcome: String,
    /// What it said at the end.
    pub message: String,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// How many runs have not succeeded.
    pub failures: u32,
    /// Since when.
    pub since: String,
    /// Whether a later run has succeeded already.
    pub is_over: bool,
    /// The hooks that did not do their work.
    pub hooks: Vec<ToldHook>,
    /// The end of its log, a line each.
    pub log: String,
}

/// A hook that did not do its work.
#[derive(Debug, Clone, Serialize)]
pub struct ToldHook {
    /// Its file.
    pub name: String,
    /// `pre-publication`.
    pub point: String,
    /// `FAILED`.
    pub outcome: String,
    /// Its line.
    pub summary: String,
    /// The end of its log.
    pub log: String,
}

impl ToldRun {
    /// Something of everything: to try a template with, and what `outbox test` shows.
    #[must_use]
    pub fn sample(site: &str) -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            site: plain::line(site, 300),
            title: text("publish of sample"),
            script: text("publish"),
            distribution: text("sample"),
            scope: String::new(),
            run: 1,
            host: text("archive.example.org"),
            outcome: text("FAILED"),
            message: text("this is a sample: nothing has failed"),
            started: text("2026-05-01T12:00:00Z"),
            ended: text("2026-05-01T12:00:01Z"),
            failures: 1,
            since: text("2026-05-01T12:00:01Z"),
            is_over: false,
            hooks: vec![ToldHook {
                name: text("50-sample"),
                point: text("pre-publication"),
                outcome: text("FAILED"),
                summary: text("a sample"),
                log: text("a line of its log"),
            }],
            log: text("a line of the run's log"),
        }
    }

    /// The same of a run of which hardly anything is known.
    fn bare(&self) -> Self {
        Self {
            hooks: Vec::new(),
            log: String::new(),
            message: String::new(),
            distribution: String::new(),
            ..self.clone()
        }
    }
}

/// What a template makes of a run.
///
/// # Errors
/// When the distribution's own template cannot be read or used.
pub fn render_run(
    folder: &Path,
    distribution: Option<&DistributionName>,
    template: Template,
    told: &ToldRun,
) -> Result<Rendered, NotifyError> {
    let (file, own) = replaced(folder, distribution, template)?;
    render_text(&file, own.as_deref().unwrap_or(template.own()), told)
}

/// The file that replaces a template, and what is in it; where there is none, the template's name.
fn replaced(
    folder: &Path,
    distribution: Option<&DistributionName>,
    template: Template,
) -> Result<(PathBuf, Option<String>), NotifyError> {
    let file = distribution.map(|name| folder.join(name.as_str()).join(template.file_name()));
    let own = match &file {
        Some(file) => read(file)?,
        None => None,
    };
    Ok((file.filter(|_| own.is_some()).unwrap_or_else(|| template.file_name().into()), own))
}

/// What Pressroom's own template makes of it, whatever the distribution has.
///
/// # Errors
/// None but a mistake of Pressroom's.
pub fn render_own(template: Template, told: &Told) -> Result<Rendered, NotifyError> {
    let file = Path::new(template.file_name());
    render_text(file, template.own(), told)
        .or_else(|error| render_text(file, template.own(), &told.shortened()).map_err(|_| error))
}

/// The same of a run.
///
/// # Errors
/// None but a mistake of Pressroom's.
pub fn render_own_run(template: Template, told: &ToldRun) -> Result<Rendered, NotifyError> {
    render_text(Path::new(template.file_name()), template.own(), told)
}

/// What a template makes of it.
///
/// # Errors
/// When the distribution's own template cannot be read or used.
pub fn render(
    folder: &Path,
    distribution: Option<&DistributionName>,
    template: Template,
    told: &Told,
) -> Result<Rendered, NotifyError> {
    let (file, own) = replaced(folder, distribution, template)?;
    let source = own.as_deref().unwrap_or(template.own());
    // what somebody has sent may be too much of a good template; what cannot be used is so with less too
    render_text(&file, source, told)
        .or_else(|error| render_text(&file, source, &told.shortened()).map_err(|_| error))
}

/// Tries every template of every distribution, so that one that cannot be used is found before anything is decided.
///
/// # Errors
/// The first that cannot be used, or that replaces nothing that there is.
pub fn check(folder: &Path) -> Result<(), NotifyError> {
    let (told, told_run) = (Told::sample(), ToldRun::sample("archive.example.org"));
    for distribution in entries(folder)? {
        if !distribution.is_dir() {
            continue;
        }
        for file in entries(&distribution)? {
            if file.extension().is_none_or(|extension| extension != "txt") {
                continue;
            }
            let name = file.file_name().unwrap_or_default();
            let Some(template) = Template::ALL.into_iter().find(|template| name == template.file_name())
            else {
                let names: Vec<_> = Template::ALL.iter().map(|template| template.file_name()).collect();
                let reason = format!("there is no mail of that name: name it one of {}", names.join(", "));
                return Err(NotifyError::Template { file, line: None, reason });
            };
            let Some(source) = read(&file)? else { continue };
            // with little too: or what is hardly known would be what finds out
            if template.is_about_runs() {
                render_text(&file, &source, &told_run)?;
                render_text(&file, &source, &told_run.bare())?;
            } else {
                render_text(&file, &source, &told)?;
                render_text(&file, &source, &told.bare())?;
            }
        }
    }
    Ok(())
}

/// What lies in a folder, in order; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, NotifyError> {
    let failed = |source| NotifyError::Read { file: folder.to_owned(), source };
    let found = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(failed)?,
    };
    let mut paths: Vec<_> =
        found.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// A template; none where there is no such file.
fn read(file: &Path) -> Result<Option<String>, NotifyError> {
    let failed = |source| NotifyError::Read { file: file.to_owned(), source };
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    opened.take(MAX_TEMPLATE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let unusable = |reason: String| NotifyError::Template { file: file.to_owned(), line: None, reason };
    if bytes.len() > MAX_TEMPLATE_BYTES {
        return Err(unusable(format!("it is longer than {MAX_TEMPLATE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| unusable("it is not UTF-8".into()))
}

fn render_text(file: &Path, source: &str, told: &impl Serialize) -> Result<Rendered, NotifyError> {
    let unusable = |line, reason: String| NotifyError::Template { file: file.to_owned(), line, reason };
    let of_engine = |error: minijinja::Error| {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        unusable(error.line(), format!("{}{detail}", error.kind()))
    };
    // a line with nothing but a tag is no line of the mail
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(syntax.map_err(of_engine)?);
    let template = environment.template_from_str(source).map_err(of_engine)?;
    let mut out = Bounded(Vec::new());
    let ended = template.render_captured_to(Serde(told), &mut out);
    if out.0.len() > MAX_MAIL_BYTES {
        return Err(unusable(None, format!("it makes a mail longer than {MAX_MAIL_BYTES} bytes")));
    }
    ended.map_err(of_engine)?;
    let text = String::from_utf8(out.0).map_err(|_| unusable(None, "what it makes is not UTF-8".into()))?;
    let no_subject =
        || unusable(Some(1), "it must begin with the line `Subject: …`, and an empty line".into());
    let (head, body) = text.split_once('\n').ok_or_else(no_subject)?;
    let subject = plain::line(head.strip_prefix("Subject:").ok_or_else(no_subject)?, 500);
    let body = body.strip_prefix('\n').ok_or_else(no_subject)?;
    if subject.is_empty() {
        return Err(no_subject());
    }
    Ok(Rendered { subject, body: format!("{}\n", body.trim()) })
}

/// Takes what a template writes, up to a limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(buffer);
        if self.0.len() > MAX_MAIL_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(buffer.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_tried_with_much_and_with_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("demo");
        std::fs::create_dir(&own).unwrap();
        let file = own.join("rejected.txt");
        crate::disk::write_staged(&file, b"Subject: {{ title }}\n\nFirst:\n{{ problems[0].line }}\n")
            .unwrap();
        let error = check(folder.path()).unwrap_err().to_string();
        assert!(error.contains("rejected.txt, line 4"), "{error}");
        crate::disk::write_staged(
            &file,
            b"Subject: {{ title }}\n\n{% if problems %}{{ problems[0].line }}{% endif %}\n",
        )
        .unwrap();
        check(folder.path()).unwrap();
        for template in Template::ALL {
            crate::disk::write_staged(&own.join(template.file_name()), template.own().as_bytes()).unwrap();
        }
        check(folder.path()).unwrap();
    }

    #[test]
    fn what_somebody_sent_never_makes_a_mail_too_long_to_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("demo");
        std::fs::create_dir(&own).unwrap();
        let name: DistributionName = "demo".parse().unwrap();
        let template = "Subject: {{ title }}\n\n{{ changes_text }}{{ changes }}{{ changes_text }}\n\
            {% for problem in problems %}{{ problem.line }}\n{% endfor %}{{ more_problems }} more\n";
        crate::disk::write_staged(&own.join("rejected.txt"), template.as_bytes()).unwrap();
        let long = "line\n".repeat(MAX_CHANGES_BYTES / 5);
        let problem =
            ToldProblem { line: "\u{1f600}".repeat(MAX_PROBLEM), ..Told::sample().problems.remove(0) };
        let told = Told {
            changes: long.clone(),
            changes_text: long,
            problems: vec![problem; 201],
            ..Told::sample()
        };
        for distribution in [Some(&name), None] {
            let mail = render(folder.path(), distribution, Template::Rejected, &told).unwrap();
            assert!(mail.body.len() <= MAX_MAIL_BYTES && mail.body.contains("\u{1f600}"));
        }
        let mail = render(folder.path(), Some(&name), Template::Rejected, &told).unwrap();
        assert!(mail.body.contains("[…]") && mail.body.ends_with("181 more\n"));
        // one that is too long by itself is an error, whatever was sent
        let endless = b"Subject: x\n\n{% for i in range(100000) %}{{ changes }}{% endfor %}";
        crate::disk::write_staged(&own.join("rejected.txt"), endless).unwrap();
        let error = render(folder.path(), Some(&name), Template::Rejected, &told).unwrap_err().to_string();
        assert!(error.contains("longer than"), "{error}");
    }
}
