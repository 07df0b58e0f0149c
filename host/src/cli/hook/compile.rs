//! `pressroom hook compile`.

use std::path::Path;

use anyhow::bail;
use pressroom_archive::domain::DistributionName;
use pressroom_archive::store::Db;
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_sandbox::{HostVersion, Sandbox};

use crate::cli::output::{BAD, painted};
use crate::cli::{End, Session};
use crate::hooks::offer::Offer;
use crate::hooks::upkeep::ChangeLock;
use crate::hooks::{self, Grant, add};
use crate::root::Root;

/// Compile hooks that are not compiled for this version of pressroom, as after an upgrade.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Compile {
    /// Only this distribution.
    #[arg(long)]
    distribution: Option<DistributionName>,
}

impl Compile {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        compile(session, self.distribution.as_ref())
    }
}

fn compile(session: &Session, only: Option<&DistributionName>) -> anyhow::Result<End> {
    let root = session.root()?;
    let mut db = root.db()?;
    let sandbox = hooks::sandbox()?;
    let _lock = ChangeLock::take(&root)?;
    let all = match only {
        Some(name) => vec![distribution(db.read(), name)?],
        None => distributions(db.read())?,
    };
    let (mut compiled, mut failed) = (Vec::new(), false);
    for one in all {
        let folder = root.hooks_folder(&one.name);
        for path in hooks::point_folders(&folder).iter().flat_map(|folder| add::components(folder)) {
            // one that cannot be compiled does not stop the others
            match compile_one(session, &root, &mut db, &sandbox, &path) {
                Ok(()) => compiled.push(path),
                // nothing waits for it
                Err(_) if Grant::read(&path.with_extension("toml")).is_ok_and(|grant| grant.disabled) => {}
                Err(error) => {
                    failed = true;
                    anstream::eprintln!("{} {}: {error:#}", painted(BAD, "not compiled:"), path.display());
                }
            }
        }
    }
    session.output.show(&compiled, || {
        compiled.iter().map(|path| format!("compiled {}\n", path.display())).collect::<String>()
            + if compiled.is_empty() && !failed { "There is no hook to compile.\n" } else { "" }
    })?;
    Ok(if failed { End::Failure } else { End::Success })
}

fn compile_one(
    session: &Session,
    root: &Root,
    db: &mut Db,
    sandbox: &Sandbox,
    path: &Path,
) -> anyhow::Result<()> {
    let grant = Grant::read(&path.with_extension("toml"))?;
    let offer = Offer::read(path, None, HostVersion::this())?;
    if offer.sha256 != grant.sha256 && Some(offer.sha256) != grant.replaces {
        bail!(
            "it is not the component that its grant names; if it is meant, see what it wants with `pressroom hook upgrade --dry-run`, and take it with \
             `pressroom hook upgrade`"
        );
    }
    offer.refuse_problems()?;
    add::take_in(root, db, sandbox, &offer, &grant.points, session.clock.now())
}
