//! How results look: tables and colours on a terminal, plain text in a pipe, JSON when asked.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::Format;
use crate::operators::TailLayer;
use crate::timings::{self, Phases, TraceLayer};

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

/// Emphasis.
pub(super) const BOLD: Style = Style::new().bold();
/// All is well.
pub(super) const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
/// Somebody should look.
pub(super) const WARN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
/// Something is wrong.
pub(super) const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
/// Beside the point.
pub(super) const DIM: Style = Style::new().dimmed();

impl Output {
    pub(super) const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether results are for people.
    pub(super) const fn is_text(self) -> bool {
        matches!(self.format, Format::Text)
    }

    /// Prints a value as JSON where that was asked for, otherwise what `text` makes.
    pub(super) fn show<T: serde::Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Json => format!("{}\n", serde_json::to_string_pretty(value)?),
            Format::Text => text(),
        };
        write_out(&text)
    }
}

/// Writes to standard output; a reader that has gone is no error.
pub(super) fn write_out(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Bytes as they are to standard output.
pub(super) fn write_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Rows under headings, in columns.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(visible(cell));
        }
    }
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = (&str, Style)>| {
        let mut out = String::new();
        for ((cell, style), width) in cells.zip(&widths) {
            out.push_str(&format!("{style}{cell}{style:#}"));
            out.push_str(&" ".repeat(width.saturating_sub(visible(cell)) + 2));
        }
        text.push_str(out.trim_end());
        text.push('\n');
    };
    line(&mut headings.iter().map(|heading| (*heading, DIM)));
    for row in rows {
        line(&mut row.iter().map(|cell| (cell.as_str(), Style::new())));
    }
    text
}

/// How wide a terminal is: what the shell says, or what every terminal has.
fn columns() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.filter(|columns| *columns >= 40).unwrap_or(80)
}

/// As [`table`]; on a terminal, cells of the columns that give way are cut where a line would be too long, those of the first of them first. Nothing is
/// cut in a pipe.
pub(super) fn fitted_table(
    headings: &[&str],
    rows: &[Vec<String>],
    give_way: &[usize],
    is_terminal: bool,
) -> String {
    if is_terminal {
        table(headings, &fit(headings, rows, give_way, columns()))
    } else {
        table(headings, rows)
    }
}

/// The rows with cells that are cut until lines have no more than so many columns, if that can be. Every column keeps its heading, and a few
/// characters.
fn fit(headings: &[&str], rows: &[Vec<String>], give_way: &[usize], columns: usize) -> Vec<Vec<String>> {
    const LEAST: usize = 8;
    let mut rows = rows.to_vec();
    let width = |rows: &[Vec<String>], column: usize| {
        let heading = headings.get(column).map_or(0, |heading| heading.chars().count());
        rows.iter().filter_map(|row| row.get(column)).map(|cell| visible(cell)).fold(heading, usize::max)
    };
    for column in give_way {
        let total: usize = (0..headings.len()).map(|column| width(&rows, column) + 2).sum::<usize>();
        let over = total.saturating_sub(2 + columns);
        let heading = headings.get(*column).map_or(0, |heading| heading.chars().count());
        let most = width(&rows, *column).saturating_sub(over).max(heading).max(LEAST);
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(*column)) {
            if visible(cell) > most {
                // the columns that give way have no colours
                let kept: String = cell.chars().take(most - 1).collect();
                *cell = format!("{kept}…");
            }
        }
    }
    rows
}

/// How many columns a cell takes, colours aside.
pub(super) fn visible(cell: &str) -> usize {
    anstream::adapter::strip_str(cell).to_string().chars().count()
}

/// A word in a colour.
pub(super) fn painted(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A duration for people.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 100.0 {
        format!("{seconds:.0} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.1} ms", seconds * 1000.0)
    }
}

/// A number of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

/// A bar for long work, on a terminal only.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {elapsed}");
    ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}

/// A line that says what is being done, on a terminal only.
pub(super) fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Lines about the work, on standard error; and those who listen to where the time goes.
pub(super) fn start_log(verbose: bool, tail: TailLayer, phases: Option<Phases>, trace: Option<TraceLayer>) {
    let level = if verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    // a line reads alone, so the spans around it are not in it
    let lines = filter_fn(move |metadata| metadata.is_event() && level >= *metadata.level())
        .with_max_level_hint(level);
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .with_target(false)
        .with_filter(lines);
    let ours = || filter_fn(timings::is_ours).with_max_level_hint(LevelFilter::DEBUG);
    let kept = filter_fn(|metadata| timings::is_ours(metadata) && LevelFilter::INFO >= *metadata.level())
        .with_max_level_hint(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(log)
        .with(tail.with_filter(kept))
        .with(phases.map(|phases| phases.with_filter(ours())))
        .with(trace.map(|trace| trace.with_filter(ours())))
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_colours() {
        let rows = vec![
            vec!["a".to_owned(), painted(BAD, "wide word"), "x".to_owned()],
            vec!["bb".to_owned(), "b".to_owned(), "y".to_owned()],
        ];
        let text = anstream::adapter::strip_str(&table(&["ONE", "TWO", "THREE"], &rows)).to_string();
        assert_eq!(text, "ONE  TWO        THREE\na    wide word  x\nbb   b          y\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_where_it_may_be() {
        let row = |a: &str, b: &str| vec![vec!["1".to_owned(), a.to_owned(), b.to_owned()]];
        let headings = ["ID", "NAME", "WHO"];
        let line =
            |rows: &[Vec<String>]| table(&headings, rows).lines().last().unwrap_or_default().to_owned();
        let wide = row(&"n".repeat(30), &"w".repeat(30));
        assert_eq!(visible(&line(&fit(&headings, &wide, &[2, 1], 50))), 50);
        assert_eq!(fit(&headings, &wide, &[2, 1], 50)[0][1], "n".repeat(30), "the first gives way first");
        assert_eq!(
            line(&fit(&headings, &wide, &[2, 1], 30)).trim(),
            format!("1   {}…  wwwwwww…", "n".repeat(15))
        );
        assert_eq!(fit(&headings, &row("short", "too"), &[2, 1], 50), row("short", "too"));
    }

    #[test]
    fn quantities_are_short() {
        assert_eq!(duration(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(duration(Duration::from_secs(12)), "12.0 s");
        assert_eq!(bytes(1536), "1.5 KiB");
    }
}
