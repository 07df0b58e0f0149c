//! What a trace file says, apart from who asks.

use pressroom_plugin::{HookError, PassContext};

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;
/// How many serials a day has: the last two digits.
const SERIALS_OF_DAY: u64 = 100;

/// Where the trace of a site lies. The name becomes a file name, so it must be one: letters, digits, `.`, `-` and `_`, not
/// beginning with a dot, as in the names of hosts.
///
/// # Errors
/// When the name is no file name.
pub fn trace_path(site_name: &str) -> Result<String, HookError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if site_name.is_empty()
        || site_name.len() > 255
        || site_name.starts_with('.')
        || !site_name.bytes().all(legal)
    {
        return Err(HookError::failed(format!(
            "the site name {site_name:?} cannot be the name of a trace file: set it to the name of this host"
        )));
    }
    Ok(format!("project/trace/{site_name}"))
}

/// A serial as it was kept: `2024022901`.
pub fn parse_serial(kept: &[u8]) -> Option<u64> {
    std::str::from_utf8(kept).ok()?.parse().ok()
}

/// The serial after `last`: `YYYYMMDDNN`, where NN counts the passes of a day from 01. Mirrors compare serials as numbers, so it
/// never goes back, not even when the clock does; after the 99th of a day it stays.
pub fn next_serial(last: Option<u64>, started: u64) -> u64 {
    let date = Date::of(started);
    let first_today = ((date.year * 100 + date.month) * 100 + date.day) * SERIALS_OF_DAY + 1;
    match last {
        Some(last) if last < first_today => first_today,
        Some(last) if last % SERIALS_OF_DAY == SERIALS_OF_DAY - 1 => last,
        Some(last) => last + 1,
        None => first_today,
    }
}

/// The content of a trace file, in the fields that mirrors' tools know.
pub fn trace_text(context: &PassContext, serial: u64) -> String {
    let date = rfc_2822(context.started);
    format!(
        "{date}\n\
         Date: {date}\n\
         Creator: Pressroom\n\
         Running on host: {site}\n\
         Distribution: {distribution}\n\
         Archive: {archive}\n\
         Priority: {priority}\n\
         Archive serial: {serial}\n",
        site = context.site_name,
        distribution = context.distribution,
        archive = context.archive,
        priority = context.priority,
    )
}

/// `Thu, 29 Feb 2024 12:34:56 +0000`, as `date -u -R` has it.
pub fn rfc_2822(seconds: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    /// 1970-01-01 was a Thursday.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let Date { year, month, day } = Date::of(seconds);
    let second = seconds % SECONDS_OF_DAY;
    format!(
        "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} +0000",
        DAYS[(seconds / SECONDS_OF_DAY % 7) as usize],
        MONTHS[month as usize - 1],
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// A day of the Gregorian calendar.
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day of a time in UTC. Years are counted from March on, so that the leap day is the last of its year.
    fn of(seconds: u64) -> Self {
        /// From 0000-03-01 to 1970-01-01.
        const DAYS_BEFORE_1970: u64 = 719_468;
        const DAYS_OF_400_YEARS: u64 = 146_097;
        let days = seconds / SECONDS_OF_DAY + DAYS_BEFORE_1970;
        let era = days / DAYS_OF_400_YEARS;
        let day_of_era = days % DAYS_OF_400_YEARS;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self { year, month, day }
    }
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        HookError, Level, PrePublication, Priority,
        testing::{FakeHost, pass_context},
    };

    use super::*;
    use crate::Trace;

    #[test]
    fn dates_are_those_of_date_u() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 +0000"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
        ] {
            assert_eq!(rfc_2822(seconds), text);
        }
    }

    #[test]
    fn serials_count_within_a_day_and_never_go_back() {
        let noon = 1_709_210_096;
        let next_day = noon + SECONDS_OF_DAY;
        for (last, started, expected) in [
            (None, noon, 2_024_022_901),
            (Some(2_024_022_901), noon, 2_024_022_902),
            (Some(2_024_022_899), noon, 2_024_022_901),
            (Some(2_024_022_901), next_day, 2_024_030_101),
            (Some(2_024_022_999), noon, 2_024_022_999),
            (Some(2_024_022_999), next_day, 2_024_030_101),
            (Some(2_024_030_105), noon, 2_024_030_106),
        ] {
            assert_eq!(next_serial(last, started), expected, "{last:?}");
        }
        assert_eq!(parse_serial(b"2024022901"), Some(2_024_022_901));
        assert_eq!(parse_serial(b"gibberish"), None);
    }

    #[test]
    fn only_file_names_become_files() {
        assert_eq!(trace_path("ftp-master.example.org").unwrap(), "project/trace/ftp-master.example.org");
        for name in ["", ".", "..", "../x", "a/b", "a b", "a\nb", "é", &"x".repeat(256)] {
            assert!(matches!(trace_path(name), Err(HookError::Failed(_))), "{name:?}");
        }
    }

    #[test]
    fn the_hook_writes_one_file_and_counts() {
        let mut host = FakeHost::default();
        let report = Trace::run(&pass_context(), &mut host).unwrap();
        assert_eq!(report.summary, "project/trace/archive.example.org says 2024022901");
        assert_eq!(
            host.text("project/trace/archive.example.org"),
            "Thu, 29 Feb 2024 12:34:56 +0000\n\
             Date: Thu, 29 Feb 2024 12:34:56 +0000\n\
             Creator: Pressroom\n\
             Running on host: archive.example.org\n\
             Distribution: debian\n\
             Archive: debian\n\
             Priority: low\n\
             Archive serial: 2024022901\n"
        );
        let high = PassContext { priority: Priority::High, ..pass_context() };
        Trace::run(&high, &mut host).unwrap();
        let text = host.text("project/trace/archive.example.org");
        assert!(text.contains("Priority: high\nArchive serial: 2024022902\n"), "{text}");
        assert_eq!(host.written.len(), 1);
    }

    #[test]
    fn archives_count_by_themselves() {
        let mut host = FakeHost::default();
        Trace::run(&pass_context(), &mut host).unwrap();
        Trace::run(&PassContext { archive: "debian/partner".into(), ..pass_context() }, &mut host).unwrap();
        assert_eq!(host.state["serial debian"], b"2024022901");
        assert_eq!(host.state["serial debian/partner"], b"2024022901");
    }

    #[test]
    fn the_hundredth_pass_of_a_day_says_so() {
        let mut host = FakeHost::default();
        host.state.insert("serial debian".into(), b"2024022999".to_vec());
        Trace::run(&pass_context(), &mut host).unwrap();
        assert_eq!(host.log[0].0, Level::Warn);
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["state", "project/"] {
            let mut host = FakeHost { denied: [denied.to_owned()].into(), ..FakeHost::default() };
            let error = Trace::run(&pass_context(), &mut host).unwrap_err();
            assert!(error.to_string().contains("not granted"), "{error}");
        }
        let context = PassContext { site_name: "../../dists".into(), ..pass_context() };
        let mut host = FakeHost::default();
        assert!(Trace::run(&context, &mut host).is_err());
        assert!(host.files.is_empty());
    }
}
