//! An archive that takes uploads: a root, people with keys and rights, and a base folder whose incoming they put things into.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::root::{DISTRIBUTION, Root};
use crate::tool::{self, Ran, tool};
use crate::upload::Upload;
use crate::uploader::Uploader;

/// A root with a base folder beside it.
#[derive(Debug)]
pub struct Intake {
    /// The root.
    pub root: Root,
    folder: tempfile::TempDir,
}

impl Intake {
    /// A root to which nobody uploads yet, that looks at what lies in incoming at once.
    ///
    /// # Panics
    /// When it cannot be made.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let root = Root::new();
        configure(&root, "uploads", "settle-seconds = 0");
        Self::of(root)
    }

    /// The same around a root that there is.
    ///
    /// # Panics
    /// When there is no room for a base folder.
    #[track_caller]
    #[must_use]
    pub fn of(root: Root) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a base folder");
        for name in ["accepted", "failed", "rejected"] {
            tool::make_folder(&folder.path().join(name));
        }
        tool::make_folder(&folder.path().join("incoming").join(DISTRIBUTION));
        Self { root, folder }
    }

    /// Adds lines to a section of the configuration.
    #[track_caller]
    pub fn configure(&self, section: &str, lines: &str) {
        configure(&self.root, section, lines);
    }

    /// The base folder.
    #[must_use]
    pub fn base(&self) -> &Path {
        self.folder.path()
    }

    /// Where dput leaves things for the distribution of the tests.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.base().join("incoming").join(DISTRIBUTION)
    }

    /// Makes whoever runs the tests an administrator under the name `archivist`, so that later commands need no `--as`.
    #[track_caller]
    pub fn appoint_archivist(&self) -> &Self {
        let user = tool::succeed(tool("id").arg("--user").arg("--name")).stdout;
        self.root.ok(&["person", "add", "archivist", "--admin", "--unix-user", user.trim()]);
        self
    }

    /// Adds a person whose key is taken in.
    #[track_caller]
    pub fn introduce(&self, name: &str, uploader: &Uploader) -> &Self {
        let (display_name, email) = uploader.user().split_once(" <").unwrap_or((name, ""));
        let email = email.trim_end_matches('>');
        self.root.ok(&["person", "add", name, "--display-name", display_name, "--email", email]);
        self.take_key(name, uploader).exits(0);
        self
    }

    /// Takes a key in for a person.
    #[track_caller]
    #[must_use]
    pub fn take_key(&self, name: &str, uploader: &Uploader) -> Ran {
        let certificate = uploader.certificate(self.folder.path());
        self.root.run(&["key", "import", &certificate.to_string_lossy(), "--person", name])
    }

    /// Gives a person a right: `grant("ann", "UPLOAD", &["--component", "main"])`.
    #[track_caller]
    pub fn grant(&self, name: &str, permission: &str, place: &[&str]) -> &Self {
        self.root.ok(&[&["permission", "grant", name, permission], place].concat());
        self
    }

    /// An archive to which Ann may upload everything, and the archivist decides.
    #[track_caller]
    #[must_use]
    pub fn with_ann() -> (Self, Uploader) {
        let intake = Self::new();
        let ann = Uploader::new("Ann Uploader", "ann@example.org");
        intake.appoint_archivist().introduce("ann", &ann).grant("ann", "UPLOAD", &[]);
        (intake, ann)
    }

    /// Puts an upload into a folder of its own in incoming, as a server does that makes one for each connection.
    #[track_caller]
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "what a test sends need not outlive a power cut")]
    pub fn send(&self, upload: &Upload, leaf: &str, target: &str) -> Upload {
        let aside = self.base().join("arriving").join(leaf);
        let _ = upload.copy(&aside.join(target));
        let leaf = self.base().join("incoming").join(leaf);
        std::fs::rename(&aside, &leaf)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", leaf.display()));
        Upload::at(&leaf.join(target).join(upload.name()))
    }

    /// Runs `process-upload` over the base folder.
    #[track_caller]
    #[must_use]
    pub fn process(&self, more: &[&str]) -> Ran {
        let base = self.base().to_string_lossy().into_owned();
        self.root.run(&[&["process-upload", &base], more].concat())
    }

    /// The same by the clock on the wall, which is what says how old the files of an upload are.
    #[track_caller]
    #[must_use]
    pub fn process_now(&self, more: &[&str]) -> Ran {
        let now = tool::succeed(tool("date").args(["--utc", "+%Y-%m-%dT%H:%M:%S.%NZ"])).stdout;
        let base = self.base().to_string_lossy().into_owned();
        self.root.run_at(now.trim(), &[&["process-upload", &base], more].concat())
    }

    /// The same as a program sees it: what was done, an object for each `.changes`.
    ///
    /// # Panics
    /// When it is no JSON.
    #[track_caller]
    #[must_use]
    pub fn processed(&self, more: &[&str]) -> Vec<Value> {
        let base = self.base().to_string_lossy().into_owned();
        let ran = self.root.run(&[&["--format", "json", "process-upload", &base], more].concat());
        done(&ran)
    }

    /// Sends one upload and gives what became of it.
    ///
    /// # Panics
    /// When not exactly one thing was done.
    #[track_caller]
    #[must_use]
    pub fn judged(&self, upload: &Upload) -> Value {
        let leaf = format!("leaf-{}", upload.name());
        let _ = self.send(upload, &leaf, DISTRIBUTION);
        let mut done = self.processed(&["--leaf", &leaf]);
        assert_eq!(done.len(), 1, "{done:?}");
        done.remove(0)
    }

    /// The uploads in the queue, as a program sees them.
    ///
    /// # Panics
    /// When it is no JSON.
    #[track_caller]
    #[must_use]
    pub fn queue(&self, more: &[&str]) -> Vec<Value> {
        let ran = self.root.ok(&[&["--format", "json", "queue", "list"], more].concat());
        let value: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("this is no JSON: {error}\n{}", ran.account()));
        rows(&value)
    }

    /// The names in one of the four folders, sorted.
    #[must_use]
    pub fn lying_in(&self, folder: &str) -> Vec<String> {
        crate::apt::names_in(&self.base().join(folder))
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
fn configure(root: &Root, section: &str, lines: &str) {
    let path = root.path().join("pressroom.toml");
    let (text, heading) = (tool::read_text(&path), format!("[{section}]\n"));
    assert!(text.contains(&heading), "there is no {heading:?} in {text}");
    tool::write(&path, text.replace(&heading, &format!("{heading}{lines}\n")));
}

/// The objects of a list, wherever it is in what was printed.
#[must_use]
pub fn rows(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(rows) => rows.clone(),
        Value::Object(fields) => fields.values().find_map(Value::as_array).cloned().unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// What a run of `process-upload --format json` did, an object for each `.changes`.
///
/// # Panics
/// When it is no JSON.
#[track_caller]
#[must_use]
pub fn done(ran: &Ran) -> Vec<Value> {
    let value: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("this is no JSON: {error}\n{}", ran.account()));
    value["done"]
        .as_array()
        .unwrap_or_else(|| panic!("nothing is said to be done:\n{}", ran.account()))
        .clone()
}
