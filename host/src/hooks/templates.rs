//! The files that a new hook's project begins with, as they are in this program: templates, the interfaces, the SDK. A test holds the lists to the
//! folders.

/// A file of a template: its path in the project, its text, and whether it is a program.
pub(super) struct Template {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
    pub(super) program: bool,
}

macro_rules! files {
    ($folder:literal: $($from:literal => $to:literal $($program:ident)?),+ $(,)?) => {
        &[$(Template {
            path: $to,
            text: include_str!(concat!("../../templates/", $folder, "/", $from)),
            program: files!(@ $($program)?),
        }),+]
    };
    (@) => { false };
    (@ program) => { true };
}

/// For every language.
pub(super) const COMMON: &[Template] = files!("common":
    "hook.toml" => "hook.toml",
    "ci.sh" => "ci.sh" program,
    "workflow.yml" => ".github/workflows/ci.yml",
);

/// Fixtures, by the point that they are for.
pub(super) const PRE_PUBLICATION: &[Template] = files!("common":
    "fixtures/pre-publication/fixture.toml" => "fixtures/pre-publication/fixture.toml",
    "fixtures/pre-publication/expected.toml" => "fixtures/pre-publication/expected.toml",
    "fixtures/pre-publication/expected/list.txt" => "fixtures/pre-publication/expected/project/{{name}}.txt",
    "fixtures/held/fixture.toml" => "fixtures/held/fixture.toml",
    "fixtures/held/expected.toml" => "fixtures/held/expected.toml",
);
pub(super) const POST_PUBLICATION: &[Template] = files!("common":
    "fixtures/post-publication/fixture.toml" => "fixtures/post-publication/fixture.toml",
    "fixtures/post-publication/expected.toml" => "fixtures/post-publication/expected.toml",
);
pub(super) const FINALIZE: &[Template] = files!("common":
    "fixtures/finalize/fixture.toml" => "fixtures/finalize/fixture.toml",
    "fixtures/finalize/expected.toml" => "fixtures/finalize/expected.toml",
);

/// The world of a hook, for languages whose tools read the interfaces from the project.
pub(super) const WORLD: &[Template] = files!("common": "hook.wit" => "wit/hook.wit");

pub(super) const RUST: &[Template] = files!("rust":
    "Cargo.toml" => "Cargo.toml",
    "README.md" => "README.md",
    "gitignore" => ".gitignore",
    "src/lib.rs" => "src/lib.rs",
);
pub(super) const PYTHON: &[Template] = files!("python":
    "README.md" => "README.md",
    "build.sh" => "build.sh" program,
    "gitignore" => ".gitignore",
    "hook.py" => "hook.py",
    "requirements.txt" => "requirements.txt",
    "tests/fake_host.py" => "tests/fake_host.py",
    "tests/test_hook.py" => "tests/test_hook.py",
);
pub(super) const JAVASCRIPT: &[Template] = files!("javascript":
    "README.md" => "README.md",
    "gitignore" => ".gitignore",
    "package-lock.json" => "package-lock.json",
    "package.json" => "package.json",
    "src/hook.js" => "src/hook.js",
    "src/logic.js" => "src/logic.js",
    "src/utf8.js" => "src/utf8.js",
    "tests/fake-host.js" => "tests/fake-host.js",
    "tests/logic.test.js" => "tests/logic.test.js",
);

/// The interfaces, by their names in `wit/`.
pub(super) const WIT: &[(&str, &str)] = &[
    ("hooks.wit", include_str!("../../../wit/hooks.wit")),
    ("worlds.wit", include_str!("../../../wit/worlds.wit")),
];

/// The manifest of the SDK, which is a member of another workspace.
pub(super) const SDK_MANIFEST: &str = include_str!("../../../plugin-sdk/Cargo.toml");

/// How the SDK is formatted, so that a project's formatter leaves it as it is.
pub(super) const SDK_FORMAT: &str = include_str!("../../../rustfmt.toml");

/// The SDK, by its names in `plugin-sdk/src/`.
pub(super) const SDK: &[(&str, &str)] = &[
    ("bindings.rs", include_str!("../../../plugin-sdk/src/bindings.rs")),
    ("host.rs", include_str!("../../../plugin-sdk/src/host.rs")),
    ("http.rs", include_str!("../../../plugin-sdk/src/http.rs")),
    ("lib.rs", include_str!("../../../plugin-sdk/src/lib.rs")),
    ("staging-paths.txt", include_str!("../../../plugin-sdk/src/staging-paths.txt")),
    ("testing.rs", include_str!("../../../plugin-sdk/src/testing.rs")),
    ("words.rs", include_str!("../../../plugin-sdk/src/words.rs")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use pressroom_archive::disk::files_below;

    use super::*;

    fn files(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        files_below(&folder).unwrap().into_iter().map(|entry| entry.path).collect()
    }

    #[test]
    fn nothing_in_the_folders_is_forgotten() {
        let names =
            |list: &[(&str, &str)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(names(WIT), files("../wit"));
        assert_eq!(names(SDK), files("../plugin-sdk/src"));
        let all = [COMMON, PRE_PUBLICATION, POST_PUBLICATION, FINALIZE, WORLD, RUST, PYTHON, JAVASCRIPT];
        let listed: usize = all.iter().map(|list| list.len()).sum();
        assert_eq!(listed, files("templates").len());
    }
}
