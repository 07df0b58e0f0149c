//! `pressroom hook init`.

use std::path::{Path, PathBuf};

use pressroom_sandbox::Point;
use serde::Serialize;

use crate::cli::exit::usage;
use crate::cli::output::{BOLD, painted};
use crate::cli::{End, Session};
use crate::hooks::project::{self, HookName, Language, Project};

/// Make a project for a new hook: it builds, tests itself and passes `pressroom hook test` as it is.
///
/// For example: pressroom hook init --language python motd
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Init {
    /// A folder that is not there yet, or is empty.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// What the hook is to be written in.
    #[arg(long, value_enum)]
    language: Language,
    /// How the hook is to be called. Without it: as the folder.
    #[arg(long)]
    name: Option<HookName>,
    /// Where it is to run; again for more. Without it: pre-publication.
    #[arg(long = "point", value_name = "POINT")]
    points: Vec<Point>,
    /// The folder of the SDK for Rust, plugin-sdk in a clone of Pressroom. Without it the project gets its own copy, in vendor/.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Serialize)]
struct Made {
    name: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Init {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        if self.sdk.is_some() && self.language != Language::Rust {
            return Err(usage(
                "--sdk is for --language rust: other languages need only the interfaces in wit/",
            ));
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => name_of(&self.folder)?,
        };
        let mut points = self.points.clone();
        if points.is_empty() {
            points.push(Point::PrePublication);
        }
        points.sort();
        points.dedup();
        let project =
            Project { language: self.language, name: name.clone(), points, sdk: self.sdk.as_deref() };
        let files = project::write(&project, &self.folder)?;
        let made = Made { name: name.to_string(), folder: self.folder.clone(), files };
        session.output.show(&made, || {
            format!(
                "Made the hook {} in {}, with {} files. Its README.md says how it is built and tested; {} does all of it.\n",
                painted(BOLD, &made.name),
                made.folder.display(),
                made.files.len(),
                made.folder.join("ci.sh").display()
            )
        })?;
        Ok(End::Success)
    }
}

/// A hook that is called as its folder.
fn name_of(folder: &Path) -> anyhow::Result<HookName> {
    let absolute = std::path::absolute(folder)?;
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.parse().map_err(|error| usage(format!("{error}; name the hook with --name")))
}
