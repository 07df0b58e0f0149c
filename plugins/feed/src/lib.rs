//! Writes `project/feed/atom.xml` and `project/feed/feed.json`: an entry for each source that a pass publishes in a suite or takes out of it, the
//! newest first.
//!
//! Before publication, since the files belong to the tree: a feed is never ahead of the packages that it tells of. What the feeds had before
//! is read from the JSON one, so they need no other memory.

pub mod logic;

use logic::{Config, Feed};
use pressroom_plugin::{
    HookError, HostExt, PassContext, PrePublication, Report, StagingError, StagingHost, StagingHostExt,
};

/// The hook.
pub struct FeedHook;

pressroom_plugin::hooks!(FeedHook: pre_publication);

impl PrePublication for FeedHook {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        config.check()?;
        let mut news = logic::News::default();
        for change in host.changes()? {
            let change = change?;
            if change.archive == context.archive {
                news.add(&change);
            }
        }
        if news.is_empty() {
            return Ok(Report::skipped("nothing was published or removed"));
        }
        let mut feed = match host.read_whole(logic::JSON_PATH) {
            Ok(content) => Feed::parse(&content).unwrap_or_else(|reason| {
                host.warn(&format!("{} is begun anew: {reason}", logic::JSON_PATH));
                Feed::default()
            }),
            Err(StagingError::NotFound) => Feed::default(),
            Err(error) => return Err(error.into()),
        };
        let entries = news.entries(context, config.entries_per_pass);
        let count = entries.len();
        feed.put_first(entries, config.keep_entries);
        host.write(logic::JSON_PATH, feed.json(context, &config)?.as_bytes())?;
        host.write(logic::ATOM_PATH, feed.atom(context, &config).as_bytes())?;
        Ok(Report::done(format!("{count} new entries, {} in all", feed.len())))
    }
}
