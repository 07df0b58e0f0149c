//! What an entry tells, and how the feeds (RFC 4287, JSON Feed 1.1) are written, apart from who asks.

use std::collections::{BTreeMap, BTreeSet};

use pressroom_plugin::{Action, Change, HookError, PackageKind, PassContext};
use serde::{Deserialize, Serialize};

/// The Atom feed.
pub const ATOM_PATH: &str = "project/feed/atom.xml";
/// The JSON feed.
pub const JSON_PATH: &str = "project/feed/feed.json";

const JSON_VERSION: &str = "https://jsonfeed.org/version/1.1";
/// More entries than a reader wants.
const MOST_ENTRIES: usize = 1000;

/// What the operator may wish.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the archive is served.
    pub base_url: String,
    /// The title of the feeds.
    pub title: String,
    /// How many entries there are.
    pub keep_entries: usize,
    /// How many of them are of one pass.
    pub entries_per_pass: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { base_url: String::new(), title: String::new(), keep_entries: 100, entries_per_pass: 50 }
    }
}

impl Config {
    /// Whether it can be gone by.
    ///
    /// # Errors
    /// When a value is none, with what it has to be.
    pub fn check(&self) -> Result<(), HookError> {
        let wrong = |what: String| Err(HookError::failed(format!("[config] of this hook: {what}")));
        for (name, number) in
            [("keep-entries", self.keep_entries), ("entries-per-pass", self.entries_per_pass)]
        {
            if !(1..=MOST_ENTRIES).contains(&number) {
                return wrong(format!("{name} is {number}, but may be 1 to {MOST_ENTRIES}"));
            }
        }
        let is_url = self.base_url.starts_with("https://") || self.base_url.starts_with("http://");
        if !self.base_url.is_empty()
            && (!is_url || self.base_url.contains(|one: char| one.is_whitespace() || one.is_control()))
        {
            return wrong(format!(
                "base-url is {:?}, but must begin with http:// or https://",
                self.base_url
            ));
        }
        Ok(())
    }

    /// Where a file of the archive is served, if that is known.
    fn url(&self, path: &str) -> Option<String> {
        (!self.base_url.is_empty()).then(|| format!("{}/{path}", self.base_url.trim_end_matches('/')))
    }

    fn title(&self, context: &PassContext) -> String {
        if self.title.is_empty() {
            format!("What is published in {}", context.archive)
        } else {
            self.title.clone()
        }
    }
}

/// One source in one suite.
#[derive(Debug, Default)]
struct Source {
    /// Of the source itself; of its binaries where it is not changed.
    versions: BTreeSet<String>,
    binary_versions: BTreeSet<String>,
    packages: BTreeSet<String>,
    architectures: BTreeSet<String>,
}

/// What a pass changes, by suite, component and source. What a newer version replaces is told by that one.
#[derive(Debug, Default)]
pub struct News {
    published: BTreeMap<(String, String, String), Source>,
    removed: BTreeMap<(String, String, String), Source>,
}

impl News {
    /// Adds a change.
    pub fn add(&mut self, change: &Change) {
        let key = (change.suite.clone(), change.component.clone(), change.source.clone());
        let source = match change.action {
            Action::Published => self.published.entry(key).or_default(),
            Action::Deleted => self.removed.entry(key).or_default(),
            Action::Superseded => return,
        };
        match change.kind {
            PackageKind::Source => drop(source.versions.insert(change.version.clone())),
            PackageKind::Binary => {
                source.binary_versions.insert(change.version.clone());
                source.packages.insert(change.name.clone());
                source.architectures.insert(change.architecture.clone());
            }
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.published.is_empty() && self.removed.is_empty()
    }

    /// An entry for each source, so many at the most; the last then says how many there are besides.
    pub fn entries(&self, context: &PassContext, most: usize) -> Vec<Item> {
        let all = self.published.len() + self.removed.len();
        let told = if all > most { most - 1 } else { all };
        let published = self.published.iter().map(|(key, source)| ("published", key, source));
        let removed = self.removed.iter().map(|(key, source)| ("removed", key, source));
        let mut entries: Vec<Item> = published
            .chain(removed)
            .take(told)
            .map(|(verb, key, source)| Item::of(context, verb, key, source))
            .collect();
        if told < all {
            entries.push(Item::of_the_rest(context, all - told, all));
        }
        entries
    }
}

/// An entry, as JSON Feed has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    id: String,
    title: String,
    content_text: String,
    date_published: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

impl Item {
    fn of(
        context: &PassContext,
        verb: &str,
        (suite, component, source): &(String, String, String),
        found: &Source,
    ) -> Self {
        let words =
            |words: &BTreeSet<String>| words.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let versions = if found.versions.is_empty() { &found.binary_versions } else { &found.versions };
        let mut text =
            format!("Source: {source} {}\nSuite: {suite}\nComponent: {component}\n", words(versions));
        if !found.packages.is_empty() {
            text.push_str(&format!(
                "Packages: {}\nArchitectures: {}\n",
                words(&found.packages),
                words(&found.architectures)
            ));
        }
        let into = if verb == "removed" { "from" } else { "in" };
        Self {
            id: id(context, &format!("{verb}/{suite}/{component}/{source}")),
            title: format!("{source} {} {verb} {into} {suite}/{component}", words(versions)),
            content_text: text,
            date_published: rfc_3339(context.started),
            tags: vec![suite.clone(), component.clone(), verb.to_owned()],
        }
    }

    fn of_the_rest(context: &PassContext, more: usize, all: usize) -> Self {
        Self {
            id: id(context, "more"),
            title: format!("{more} more sources in {}", context.archive),
            content_text: format!(
                "This pass has changed {all} sources in all; {more} of them have no entry of their own.\n"
            ),
            date_published: rfc_3339(context.started),
            tags: Vec::new(),
        }
    }
}

/// An identity for ever (RFC 4151): the host and the day say who made it, the pass makes it the only one.
fn id(context: &PassContext, what: &str) -> String {
    let day = &rfc_3339(context.started)[..10];
    format!("tag:{},{day}:{}/{}/{}", authority(context), escape(&context.archive), context.pass, escape(what))
}

/// The host as the authority of an identity.
fn authority(context: &PassContext) -> String {
    let legal = |one: &char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-');
    let host: String = context.site_name.to_ascii_lowercase().chars().filter(legal).collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
}

/// What a URI may have in its path, and the rest by its bytes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+:@".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The feed, whichever way it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Feed {
    items: Vec<Item>,
}

/// The whole JSON feed.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: String,
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    home_page_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feed_url: Option<String>,
    items: Vec<Item>,
}

impl Feed {
    /// The feed that was written before.
    ///
    /// # Errors
    /// When it is none of ours, with the reason.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if document.version != JSON_VERSION {
            return Err(format!("it is of version {:?}", document.version));
        }
        Ok(Self { items: document.items })
    }

    /// Puts entries before the others, and drops the oldest. An entry that is there already is replaced.
    pub fn put_first(&mut self, entries: Vec<Item>, keep: usize) {
        let new: BTreeSet<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        self.items.retain(|item| !new.contains(&item.id));
        self.items.splice(..0, entries);
        self.items.truncate(keep);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// As JSON Feed 1.1.
    ///
    /// # Errors
    /// Never, since texts are all that there is.
    pub fn json(&self, context: &PassContext, config: &Config) -> Result<String, HookError> {
        let document = Document {
            version: JSON_VERSION.to_owned(),
            title: config.title(context),
            home_page_url: config.url(""),
            feed_url: config.url(JSON_PATH),
            items: self.items.clone(),
        };
        let mut text = serde_json::to_string_pretty(&document)
            .map_err(|error| HookError::failed(format!("the JSON feed cannot be written: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// As an Atom feed.
    pub fn atom(&self, context: &PassContext, config: &Config) -> String {
        let mut out = String::from(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n",
        );
        let feed_id = match config.url(ATOM_PATH) {
            Some(url) => url,
            // a year in which the host was whose it is: that of the first of these feeds
            None => format!("tag:{},2025:{}/feed", authority(context), escape(&context.archive)),
        };
        element(&mut out, "  ", "id", &feed_id);
        element(&mut out, "  ", "title", &config.title(context));
        element(&mut out, "  ", "updated", &rfc_3339(context.started));
        if let (Some(own), Some(home)) = (config.url(ATOM_PATH), config.url("")) {
            out.push_str(&format!(
                "  <link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n",
                xml(&own)
            ));
            out.push_str(&format!("  <link rel=\"alternate\" href=\"{}\"/>\n", xml(&home)));
        }
        // a feed without an author must have one in each entry
        out.push_str("  <author>\n");
        element(&mut out, "    ", "name", &context.distribution);
        out.push_str("  </author>\n");
        out.push_str("  <generator>Pressroom</generator>\n");
        for item in &self.items {
            out.push_str("  <entry>\n");
            element(&mut out, "    ", "id", &item.id);
            element(&mut out, "    ", "title", &item.title);
            element(&mut out, "    ", "updated", &item.date_published);
            element(&mut out, "    ", "published", &item.date_published);
            for tag in &item.tags {
                out.push_str(&format!("    <category term=\"{}\"/>\n", xml(tag)));
            }
            out.push_str(&format!("    <content type=\"text\">{}</content>\n", xml(&item.content_text)));
            out.push_str("  </entry>\n");
        }
        out.push_str("</feed>\n");
        out
    }
}

fn element(out: &mut String, indent: &str, name: &str, text: &str) {
    out.push_str(&format!("{indent}<{name}>{}</{name}>\n", xml(text)));
}

/// A text for an element or an attribute. What XML 1.0 cannot hold at all is replaced.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(one),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            one => out.push(one),
        }
    }
    out
}

/// `2024-02-29T12:34:56Z`.
fn rfc_3339(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// Year, month and day of so many days after 1970-01-01. Years are counted from March on, so that the day of a leap year is the last; 400 of them
/// have 146,097 days.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + (month <= 2) as u64, month, day)
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Outcome, PrePublication,
        testing::{FakeHost, pass_context},
    };

    use super::*;
    use crate::FeedHook;

    fn change(action: Action, kind: PackageKind, name: &str, architecture: &str, source: &str) -> Change {
        Change {
            action,
            kind,
            name: name.into(),
            version: "5.2-2".into(),
            architecture: architecture.into(),
            archive: "debian".into(),
            suite: "bookworm".into(),
            component: "main".into(),
            section: "shells".into(),
            priority: "optional".into(),
            source: source.into(),
        }
    }

    fn bash() -> Vec<Change> {
        vec![
            change(Action::Published, PackageKind::Source, "bash", "source", "bash"),
            change(Action::Published, PackageKind::Binary, "bash", "amd64", "bash"),
            change(Action::Published, PackageKind::Binary, "bash-doc", "arm64", "bash"),
            change(Action::Superseded, PackageKind::Binary, "bash", "amd64", "bash"),
        ]
    }

    fn json(host: &FakeHost) -> serde_json::Value {
        serde_json::from_str(host.text(JSON_PATH)).unwrap()
    }

    #[test]
    fn a_publication_is_told_in_both_feeds() {
        let mut host = FakeHost { changes: bash(), ..FakeHost::default() };
        host.config = r#"{"base-url": "https://deb.example.org/debian/"}"#.into();
        let report = FeedHook::run(&pass_context(), &mut host).unwrap();
        assert_eq!(report.summary, "1 new entries, 1 in all");
        let feed = json(&host);
        assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
        assert_eq!(feed["feed_url"], "https://deb.example.org/debian/project/feed/feed.json");
        let item = &feed["items"][0];
        assert_eq!(item["id"], "tag:archive.example.org,2024-02-29:debian/12/published/bookworm/main/bash");
        assert_eq!(item["title"], "bash 5.2-2 published in bookworm/main");
        assert_eq!(item["date_published"], "2024-02-29T12:34:56Z");
        assert_eq!(
            item["content_text"],
            "Source: bash 5.2-2\nSuite: bookworm\nComponent: main\nPackages: bash, bash-doc\nArchitectures: amd64, arm64\n"
        );
        let atom = host.text(ATOM_PATH);
        for part in [
            "<id>https://deb.example.org/debian/project/feed/atom.xml</id>",
            "<updated>2024-02-29T12:34:56Z</updated>",
            "<link rel=\"self\" type=\"application/atom+xml\" href=\"https://deb.example.org/debian/project/feed/atom.xml\"/>",
            "<name>debian</name>",
            "<id>tag:archive.example.org,2024-02-29:debian/12/published/bookworm/main/bash</id>",
            "<category term=\"bookworm\"/>",
        ] {
            assert!(atom.contains(part), "{part}: {atom}");
        }
    }

    #[test]
    fn the_newest_are_first_and_only_so_many_are_kept() {
        let mut host =
            FakeHost { changes: bash(), config: r#"{"keep-entries": 3}"#.into(), ..FakeHost::default() };
        for pass in 12..=16 {
            FeedHook::run(&PassContext { pass, started: 1_709_210_096 + pass, ..pass_context() }, &mut host)
                .unwrap();
        }
        let feed = json(&host);
        let ids: Vec<&str> =
            feed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids[0].contains("/16/") && ids[2].contains("/14/"), "{ids:?}");
        assert_eq!(host.text(ATOM_PATH).matches("<entry>").count(), 3);
        // the same pass again is no second entry
        FeedHook::run(&PassContext { pass: 16, ..pass_context() }, &mut host).unwrap();
        assert_eq!(host.text(ATOM_PATH).matches("/16/").count(), 1);
    }

    #[test]
    fn a_great_pass_is_told_in_short() {
        let changes = (0..300).map(|number| {
            change(
                Action::Published,
                PackageKind::Source,
                &format!("s{number}"),
                "source",
                &format!("s{number}"),
            )
        });
        let mut host = FakeHost { changes: changes.collect(), ..FakeHost::default() };
        FeedHook::run(&pass_context(), &mut host).unwrap();
        let feed = json(&host);
        let items = feed["items"].as_array().unwrap();
        assert_eq!(items.len(), 50);
        assert_eq!(items[49]["title"], "251 more sources in debian");
    }

    #[test]
    fn a_removal_is_told_and_a_replacement_is_not() {
        let replaced = vec![change(Action::Superseded, PackageKind::Binary, "bash", "amd64", "bash")];
        let mut host = FakeHost { changes: replaced, ..FakeHost::default() };
        assert_eq!(FeedHook::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.written.is_empty());
        host.changes = vec![change(Action::Deleted, PackageKind::Binary, "bash", "amd64", "bash")];
        FeedHook::run(&pass_context(), &mut host).unwrap();
        assert_eq!(json(&host)["items"][0]["title"], "bash 5.2-2 removed from bookworm/main");
        let elsewhere = PassContext { archive: "debian/partner".into(), ..pass_context() };
        assert_eq!(FeedHook::run(&elsewhere, &mut host).unwrap().outcome, Outcome::Skipped);
    }

    #[test]
    fn what_xml_cannot_hold_is_escaped() {
        let context = PassContext {
            distribution: "a<b>&\"c\"\u{1}".into(),
            site_name: "Höst/x".into(),
            ..pass_context()
        };
        let mut host = FakeHost { changes: bash(), ..FakeHost::default() };
        FeedHook::run(&context, &mut host).unwrap();
        let atom = host.text(ATOM_PATH);
        assert!(atom.contains("<name>a&lt;b&gt;&amp;&quot;c&quot;\u{fffd}</name>"), "{atom}");
        assert!(atom.contains("tag:hstx,2024-02-29:debian/12/"), "{atom}");
        assert!(atom.contains("<id>tag:hstx,2025:debian/feed</id>"), "{atom}");
    }

    #[test]
    fn a_feed_that_is_none_is_begun_anew() {
        for old in ["garbage", "{}", r#"{"version": "2", "title": "", "items": []}"#] {
            let mut host = FakeHost { changes: bash(), ..FakeHost::default() };
            host.files.insert(JSON_PATH.into(), old.into());
            FeedHook::run(&pass_context(), &mut host).unwrap();
            assert_eq!(json(&host)["items"].as_array().unwrap().len(), 1);
            assert!(host.log.iter().any(|(_, line)| line.contains("begun anew")), "{:?}", host.log);
        }
    }

    #[test]
    fn wishes_that_cannot_be_are_named() {
        for (config, word) in [
            (r#"{"keep-entries": 0}"#, "keep-entries"),
            (r#"{"entries-per-pass": 5000}"#, "entries-per-pass"),
            (r#"{"base-url": "ftp://x"}"#, "base-url"),
            (r#"{"base-url": "https://x y"}"#, "base-url"),
            (r#"{"other": 1}"#, "other"),
        ] {
            let mut host = FakeHost { changes: bash(), config: config.into(), ..FakeHost::default() };
            let error = FeedHook::run(&pass_context(), &mut host).unwrap_err().to_string();
            assert!(error.contains("[config]") && error.contains(word), "{error}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc_3339(seconds), date);
        }
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["archive", "project/"] {
            let mut host =
                FakeHost { changes: bash(), denied: [denied.to_owned()].into(), ..FakeHost::default() };
            assert!(FeedHook::run(&pass_context(), &mut host).is_err());
        }
    }
}
