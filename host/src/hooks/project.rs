//! A new hook's project: which files it has and what stands in them. It builds, tests itself and passes `pressroom hook test` as it is.
//!
//! Templates have `{{words}}`, and lines `@if WORD` and `@end` around what is there for some points or languages only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pressroom_archive::disk;
use pressroom_sandbox::Point;

use super::templates::{self, Template};

/// What a hook is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    Rust,
    Python,
    Javascript,
}

impl Language {
    const fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
        }
    }
}

/// What an author asks for.
#[derive(Debug)]
pub(crate) struct Project<'a> {
    pub(crate) language: Language,
    pub(crate) name: HookName,
    /// Each once, in the order of a run.
    pub(crate) points: Vec<Point>,
    /// A folder with the SDK for Rust; without it, the project gets the one that is in this program.
    pub(crate) sdk: Option<&'a Path>,
}

/// The name of a hook: words of lower-case letters and digits, each beginning with a letter, with `-` between them. So it is a name of a file and of
/// a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookName(String);

/// Why a word is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error(
        "{0:?} cannot be a hook's name: it takes words of lower-case letters and digits, each beginning with a letter, with - between them, 64 characters at the most"
    )]
    Form(String),
    #[error("{0:?} cannot be a hook's name: a crate cannot be called that")]
    Taken(String),
}

/// Names that cargo refuses for a package, or that would hide a crate of Rust's own.
const TAKEN: [&str; 58] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "pressroom-plugin",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

impl std::str::FromStr for HookName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.len() > 64 || !text.split('-').all(word) {
            return Err(NameError::Form(text.to_owned()));
        }
        if TAKEN.contains(&text) {
            return Err(NameError::Taken(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Display for HookName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Others may read what is written down; some of it is run.
const MODE: u32 = 0o644;
const PROGRAM_MODE: u32 = 0o755;

/// Writes a project into a folder that is not there or has nothing in it (a `.git` does not count), and gives the paths of its files.
pub(crate) fn write(project: &Project<'_>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let files = files(project)?;
    if let Some(there) = occupant(folder)? {
        anyhow::bail!(
            "{} is not empty: {} is in it; name a folder that is not there yet",
            folder.display(),
            there.display()
        );
    }
    let mut written = Vec::new();
    for (path, (content, mode)) in files {
        let path = folder.join(path);
        disk::write_atomic(&path, content.as_bytes(), mode)?;
        written.push(path);
    }
    Ok(written)
}

/// Something that is in a folder already.
fn occupant(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot look into {}", folder.display()))?,
    };
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.file_name().into()).collect();
    names.sort();
    Ok(names.into_iter().find(|name| name != Path::new(".git")))
}

/// The files of a project: their texts and modes.
fn files(project: &Project<'_>) -> anyhow::Result<BTreeMap<String, (String, u32)>> {
    let words = Words::of(project)?;
    let mut lists = vec![templates::COMMON];
    for point in &project.points {
        lists.push(match point {
            Point::PrePublication => templates::PRE_PUBLICATION,
            Point::PostPublication => templates::POST_PUBLICATION,
            Point::Finalize => templates::FINALIZE,
        });
    }
    let mut files = BTreeMap::new();
    match project.language {
        Language::Rust => {
            lists.push(templates::RUST);
            if project.sdk.is_none() {
                add_sdk(&mut files)?;
            }
        }
        Language::Python => lists.extend([templates::PYTHON, templates::WORLD]),
        Language::Javascript => lists.extend([templates::JAVASCRIPT, templates::WORLD]),
    }
    if project.language != Language::Rust {
        for (name, text) in templates::WIT {
            files.insert(format!("wit/deps/pressroom-hooks/{name}"), ((*text).to_owned(), MODE));
        }
    }
    for Template { path, text, program } in lists.into_iter().flatten() {
        let mode = if *program { PROGRAM_MODE } else { MODE };
        files.insert(words.fill(path), (words.render(text), mode));
    }
    Ok(files)
}

const VENDORED: &str = "vendor/pressroom-plugin";

/// Adds the SDK, which looks for the interfaces in a folder beside its own.
fn add_sdk(files: &mut BTreeMap<String, (String, u32)>) -> anyhow::Result<()> {
    files.insert(format!("{VENDORED}/Cargo.toml"), (sdk_manifest()?, MODE));
    files.insert("vendor/rustfmt.toml".to_owned(), (templates::SDK_FORMAT.to_owned(), MODE));
    for (name, text) in templates::SDK {
        files.insert(format!("{VENDORED}/src/{name}"), ((*text).to_owned(), MODE));
    }
    for (name, text) in templates::WIT {
        files.insert(format!("vendor/wit/{name}"), ((*text).to_owned(), MODE));
    }
    Ok(())
}

/// The SDK's manifest, with what it has from its workspace written out.
fn sdk_manifest() -> anyhow::Result<String> {
    let mut manifest: toml::Table = toml::from_str(templates::SDK_MANIFEST)?;
    manifest.remove("lints");
    if let Some(package) = manifest.get_mut("package").and_then(toml::Value::as_table_mut) {
        for (key, value) in [
            ("version", env!("CARGO_PKG_VERSION")),
            ("edition", "2024"),
            ("rust-version", env!("CARGO_PKG_RUST_VERSION")),
            ("license", env!("CARGO_PKG_LICENSE")),
        ] {
            package.insert(key.to_owned(), value.into());
        }
    }
    Ok(format!("# As pressroom {} has it.\n\n{}", env!("CARGO_PKG_VERSION"), toml::to_string(&manifest)?))
}

/// What templates are filled with.
struct Words {
    conditions: Vec<String>,
    values: Vec<(&'static str, String)>,
}

impl Words {
    fn of(project: &Project<'_>) -> anyhow::Result<Self> {
        let has = |point: Point| project.points.contains(&point);
        let (pre, post, finalize) =
            (has(Point::PrePublication), has(Point::PostPublication), has(Point::Finalize));
        let mut conditions: Vec<String> = project.points.iter().map(Point::to_string).collect();
        conditions.push(project.language.word().to_owned());
        if pre || post {
            conditions.push("pass".to_owned());
        }
        if pre || finalize {
            conditions.push("bytes".to_owned());
        }
        conditions.push(if project.sdk.is_some() { "local" } else { "vendored" }.to_owned());
        let sdk = match project.sdk {
            None => VENDORED.to_owned(),
            Some(path) => sdk_folder(path)?,
        };
        let list = |words: Vec<String>| words.join(", ");
        let imports =
            [("archive", true), ("config", pre), ("log", pre || post), ("staging", pre), ("state", finalize)];
        Ok(Self {
            conditions,
            values: vec![
                ("name", project.name.0.clone()),
                ("crate", project.name.0.replace('-', "_")),
                ("rust-use", rust_use(pre, post, finalize)),
                (
                    "points",
                    list(project.points.iter().map(|point| format!("{:?}", point.as_str())).collect()),
                ),
                (
                    "rust-points",
                    list(project.points.iter().map(|point| point.as_str().replace('-', "_")).collect()),
                ),
                (
                    "js-imports",
                    list(
                        imports
                            .iter()
                            .filter(|(_, used)| *used)
                            .map(|(name, _)| (*name).to_owned())
                            .collect(),
                    ),
                ),
                ("js-bytes", if finalize { "decode, encode" } else { "encode" }.to_owned()),
                ("sdk", toml::Value::String(sdk).to_string()),
            ],
        })
    }

    fn fill(&self, text: &str) -> String {
        self.values
            .iter()
            .fold(text.to_owned(), |text, (word, value)| text.replace(&format!("{{{{{word}}}}}"), value))
    }

    /// A template without what its conditions leave out.
    fn render(&self, template: &str) -> String {
        let mut text = String::new();
        let mut kept = true;
        for line in template.split_inclusive('\n') {
            if let Some(condition) = line.strip_prefix("@if ") {
                kept = self.conditions.iter().any(|known| known == condition.trim_end());
            } else if line.trim_end() == "@end" {
                kept = true;
            } else if kept {
                text.push_str(line);
            }
        }
        self.fill(&text)
    }
}

/// What the hook's code in Rust takes from the SDK, as rustfmt has it.
fn rust_use(pre: bool, post: bool, finalize: bool) -> String {
    const MOST_COLUMNS: usize = 100;
    let names = [
        ("Action", true),
        ("Finalize", finalize),
        ("FinalizeContext", finalize),
        ("HookError", true),
        ("Host", true),
        ("HostExt", pre || post),
        ("PackageKind", true),
        ("PassContext", pre || post),
        ("PostPublication", post),
        ("PrePublication", pre),
        ("Report", true),
        ("StagingHost", pre),
    ];
    let names: Vec<&str> = names.iter().filter(|(_, used)| *used).map(|(name, _)| *name).collect();
    let line = format!("use pressroom_plugin::{{{}}};", names.join(", "));
    if line.len() <= MOST_COLUMNS {
        return line;
    }
    let mut lines = vec!["   ".to_owned()];
    for name in names {
        if lines.last().is_some_and(|line| line.len() + name.len() + 2 > MOST_COLUMNS) {
            lines.push("   ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&format!(" {name},"));
        }
    }
    format!("use pressroom_plugin::{{\n{}\n}};", lines.join("\n"))
}

/// The absolute path of a folder with the SDK.
fn sdk_folder(path: &Path) -> anyhow::Result<String> {
    let manifest = path.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("{} is not the SDK's folder: cannot read its Cargo.toml", path.display()))?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("{} is no manifest", manifest.display()))?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    if name != Some("pressroom-plugin") {
        anyhow::bail!(
            "{} is not the SDK's folder: its Cargo.toml is not that of pressroom-plugin",
            path.display()
        );
    }
    let absolute = path.canonicalize()?;
    absolute
        .to_str()
        .map(str::to_owned)
        .with_context(|| format!("{} is not UTF-8, which Cargo.toml has to be", absolute.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(language: Language, points: &[Point]) -> Project<'static> {
        Project { language, name: "source-list".parse().unwrap(), points: points.to_vec(), sdk: None }
    }

    #[test]
    fn a_name_is_one_everywhere() {
        for name in ["motd", "source-list", "a1-b2"] {
            assert_eq!(name.parse::<HookName>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "2fast",
            "a-2b",
            "Motd",
            "a_b",
            "a/b",
            "..",
            "a.b",
            "é",
            "a b",
            &"a".repeat(65),
        ] {
            assert_eq!(name.parse::<HookName>(), Err(NameError::Form(name.to_owned())));
        }
        for name in ["test", "std", "fn", "pressroom-plugin", "serde"] {
            assert_eq!(name.parse::<HookName>(), Err(NameError::Taken(name.to_owned())));
        }
    }

    #[test]
    fn every_choice_of_points_fills_its_templates() {
        let choices: [&[Point]; 5] = [
            &[Point::PrePublication],
            &[Point::PostPublication],
            &[Point::Finalize],
            &[Point::PrePublication, Point::Finalize],
            &Point::ALL,
        ];
        for language in [Language::Rust, Language::Python, Language::Javascript] {
            for points in choices {
                let files = files(&project(language, points)).unwrap();
                for (path, (text, _)) in files.iter().filter(|(path, _)| !path.starts_with("vendor/")) {
                    let left = text.lines().find(|line| line.starts_with("@if") || line.starts_with("@end"));
                    assert!(left.is_none(), "{language:?} {path}: {left:?}");
                    assert!(
                        !path.contains("{{") && (!text.contains("{{") || path.ends_with(".js")),
                        "{path}: {text}"
                    );
                }
                let manifest: super::super::Manifest = toml::from_str(&files["hook.toml"].0).unwrap();
                assert_eq!(manifest.points, points);
                assert_eq!(manifest.capabilities.staging.is_some(), points.contains(&Point::PrePublication));
                for point in points {
                    assert!(files.contains_key(&format!("fixtures/{point}/fixture.toml")));
                }
                assert_eq!(files["ci.sh"].1, PROGRAM_MODE);
            }
        }
    }

    #[test]
    fn the_sdk_that_is_handed_out_needs_no_workspace() {
        let manifest = sdk_manifest().unwrap();
        assert!(!manifest.contains("workspace"), "{manifest}");
        let table: toml::Table = toml::from_str(&manifest).unwrap();
        assert_eq!(table["package"]["version"].as_str(), Some(env!("CARGO_PKG_VERSION")));
        assert!(table["dependencies"].get("wit-bindgen").is_some());
        let files = files(&project(Language::Rust, &Point::ALL)).unwrap();
        assert!(
            files.contains_key("vendor/wit/hooks.wit")
                && files.contains_key("vendor/pressroom-plugin/src/lib.rs")
        );
        assert!(files["Cargo.toml"].0.contains("path = \"vendor/pressroom-plugin\""));
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        let python = project(Language::Python, &[Point::Finalize]);
        assert!(!write(&python, folder.path()).unwrap().is_empty());
        let error = write(&python, folder.path()).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        let absent = Project { sdk: Some(Path::new("/nowhere")), ..project(Language::Rust, &Point::ALL) };
        let error = format!("{:#}", write(&absent, &folder.path().join("new")).unwrap_err());
        assert!(error.contains("not the SDK's folder"), "{error}");
        assert!(!folder.path().join("new").exists());
    }
}
