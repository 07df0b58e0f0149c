//! Spans into a file in the [trace event format] of Chrome, which `chrome://tracing` and Perfetto show: an array, a line for each event.
//!
//! Each thread has a track of its own. A file is whole when [`Trace::finish`] has written the end of the array; viewers read also what a program has left
//! that was killed, which is why the end of every larger phase is written out at once, and events in whole. A disk that fails stops the trace, and nothing else.
//!
//! [trace event format]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Debug;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use pressroom_archive::work::{Counts, Work};
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Why there is no trace file, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("{} is there and is no regular file: name another file for the trace", .0.display())]
    NotAFile(PathBuf),
    #[error("cannot make the trace file {}", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("cannot write all of the trace file {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// A trace file in work. It is finished when dropped at the latest.
#[derive(Debug)]
pub(crate) struct Trace {
    path: PathBuf,
    writer: Arc<Mutex<Writer>>,
    own_thread: ThreadId,
}

impl Trace {
    /// Makes the file, for runs on this thread. A regular file of that name is replaced and never written into, since it may have other names; anything
    /// else is refused.
    pub(crate) fn create(path: &Path) -> Result<Self, TraceError> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(TraceError::NotAFile(path.to_owned()));
        }
        let file = make(path).map_err(|source| TraceError::Make { path: path.to_owned(), source })?;
        Ok(Self::of(path.to_owned(), Box::new(file)))
    }

    fn of(path: PathBuf, out: Box<dyn Write + Send>) -> Self {
        let writer = Arc::new(Mutex::new(Writer::new(out)));
        Self { path, writer, own_thread: thread::current().id() }
    }

    /// What listens.
    pub(crate) fn layer(&self) -> TraceLayer {
        TraceLayer { writer: Arc::clone(&self.writer), own_thread: self.own_thread }
    }

    /// Ends the file. What happens later is not in it.
    pub(crate) fn finish(self) -> Result<(), TraceError> {
        let ended = locked(&self.writer).finish();
        ended.map_err(|source| TraceError::Write { path: self.path.clone(), source })
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // after `finish` nothing is left to do, and in a panic nobody to tell
        let _ = locked(&self.writer).finish();
    }
}

fn make(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .prefix(".pressroom-")
        // the umask takes from it what it does
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        // its text has the name of the temporary file, for which nobody has asked
        .map_err(|error| io::Error::from(error.kind()))?;
    Ok(temporary.persist(path)?)
}

fn locked(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    // a panic elsewhere has not written half an event
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    out: Option<BufWriter<Box<dyn Write + Send>>>,
    error: Option<io::Error>,
    begin: Instant,
    is_first: bool,
    /// The numbers of threads, by which viewers tell them apart, and the names of the spans that are open in each.
    threads: BTreeMap<u64, Vec<&'static str>>,
}

impl Debug for Writer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Writer").field("error", &self.error).finish_non_exhaustive()
    }
}

impl Writer {
    fn new(out: Box<dyn Write + Send>) -> Self {
        let mut out = BufWriter::new(out);
        let error = out.write_all(b"[").err();
        let out = error.is_none().then_some(out);
        Self { out, error, begin: Instant::now(), is_first: true, threads: BTreeMap::new() }
    }

    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>) {
        if let Some(out) = &mut self.out
            && let Err(error) = write(out)
        {
            self.error = Some(error);
            self.out = None;
        }
    }

    /// Writes an event of a thread.
    fn event(&mut self, thread: u64, mut event: Value) {
        event["pid"] = std::process::id().into();
        event["tid"] = thread.into();
        let separator = if self.is_first { "\n" } else { ",\n" };
        self.is_first = false;
        // in one piece, which the buffer does not cut
        self.attempt(|out| out.write_all(format!("{separator}{event}").as_bytes()));
    }

    /// An event of this thread, now.
    fn event_now(&mut self, mut event: Value) {
        let number = thread_number();
        if let Entry::Vacant(new) = self.threads.entry(number) {
            new.insert(Vec::new());
            let thread = thread::current();
            let name = thread.name().map_or_else(|| format!("worker {number}"), str::to_owned);
            self.event(number, json!({ "ph": "M", "name": "thread_name", "args": { "name": name } }));
        }
        event["ts"] = self.microseconds();
        self.event(number, event);
    }

    #[expect(clippy::cast_precision_loss, reason = "a day has fewer nanoseconds than a double has digits")]
    fn microseconds(&self) -> Value {
        (self.begin.elapsed().as_nanos() as f64 / 1000.0).into()
    }

    fn begin_span(&mut self, metadata: &'static Metadata<'static>, arguments: Map<String, Value>) {
        self.event_now(
            json!({ "ph": "B", "name": metadata.name(), "cat": metadata.target(), "args": arguments }),
        );
        self.threads.entry(thread_number()).or_default().push(metadata.name());
    }

    fn end_span(&mut self, metadata: &'static Metadata<'static>, arguments: Map<String, Value>) {
        let open = self.threads.entry(thread_number()).or_default();
        let Some(depth) = open.iter().rposition(|name| *name == metadata.name()) else { return };
        open.remove(depth);
        self.event_now(json!({ "ph": "E", "name": metadata.name(), "args": arguments }));
        self.flush_after(metadata);
    }

    fn flush_after(&mut self, metadata: &Metadata<'_>) {
        if *metadata.level() <= Level::INFO {
            self.attempt(Write::flush);
        }
    }

    /// Ends what is open, and the array.
    fn finish(&mut self) -> io::Result<()> {
        for (thread, open) in std::mem::take(&mut self.threads) {
            for name in open.into_iter().rev() {
                let now = self.microseconds();
                self.event(thread, json!({ "ph": "E", "name": name, "ts": now }));
            }
        }
        self.attempt(|out| out.write_all(b"\n]\n").and_then(|()| out.flush()));
        self.out = None;
        self.error.take().map_or(Ok(()), Err)
    }
}

/// A number of this thread.
fn thread_number() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    thread_local! {
        static NUMBER: OnceCell<u64> = const { OnceCell::new() };
    }
    NUMBER.with(|number| *number.get_or_init(|| NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
}

/// Writes spans, with their fields and the work that was done in them, and the log.
#[derive(Debug)]
pub(crate) struct TraceLayer {
    writer: Arc<Mutex<Writer>>,
    /// The thread of the runs: what is done meanwhile is done for it, which cannot be said of other threads.
    own_thread: ThreadId,
}

/// What is kept of a span.
struct Kept {
    /// The fields that it has begun with.
    fields: Map<String, Value>,
    /// Those that came later.
    later: Map<String, Value>,
    /// The counts when it began, if that was in the runs' own thread.
    before: Option<Counts>,
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for TraceLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(Kept { fields: fields.0, later: Map::new(), before: None });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(kept) = span.extensions_mut().get_mut::<Kept>() {
            kept.later.append(&mut fields.0);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Map::new();
        if let Some(kept) = span.extensions_mut().get_mut::<Kept>() {
            kept.before = (thread::current().id() == self.own_thread).then(Counts::now);
            fields = kept.fields.clone();
        }
        locked(&self.writer).begin_span(span.metadata(), fields);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Map::new();
        if let Some(kept) = span.extensions_mut().get_mut::<Kept>() {
            fields = std::mem::take(&mut kept.later);
            if let Some(before) = kept.before.take() {
                let since = Counts::now().since(&before);
                let done = Work::ALL.into_iter().filter(|work| since.of(*work) > 0);
                fields.extend(done.map(|work| (work.name().to_owned(), since.of(work).into())));
            }
        }
        locked(&self.writer).end_span(span.metadata(), fields);
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_else(|| event.metadata().name().into());
        fields.0.insert("level".to_owned(), event.metadata().level().as_str().into());
        let mut writer = locked(&self.writer);
        let category = event.metadata().target();
        writer.event_now(json!({ "ph": "i", "s": "t", "name": message, "cat": category, "args": fields.0 }));
        writer.flush_after(event.metadata());
    }
}

/// Fields as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use pressroom_archive::disk::write_staged;
    use tracing::{debug_span, field, info_span, warn};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// The events of a trace of some work.
    fn trace(work: impl FnOnce()) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.json");
        let trace = Trace::create(&path).unwrap();
        let subscriber = tracing_subscriber::registry().with(trace.layer());
        tracing::subscriber::with_default(subscriber, || {
            work();
            trace.finish().unwrap();
            info_span!("afterwards").in_scope(|| ());
        });
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()
    }

    fn kinds(events: &[Value]) -> String {
        let one =
            |event: &Value| format!("{}:{}", event["ph"].as_str().unwrap(), event["name"].as_str().unwrap());
        events.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn spans_and_log_lines_are_events_with_their_fields() {
        let events = trace(|| {
            let run = info_span!("run", distribution = %"acme", run = field::Empty).entered();
            run.record("run", 7);
            debug_span!("list", files = 3, careful = false).in_scope(|| warn!(path = "x", "odd"));
        });
        assert_eq!(kinds(&events), "M:thread_name B:run B:list i:odd E:list E:run");
        assert_eq!(events[1]["args"], json!({ "distribution": "acme" }));
        assert_eq!(events[2]["args"], json!({ "files": 3, "careful": false }));
        assert_eq!(events[3]["args"], json!({ "path": "x", "level": "WARN" }));
        assert_eq!(events[5]["args"]["run"], 7);
        let times: Vec<f64> = events[1..].iter().map(|event| event["ts"].as_f64().unwrap()).collect();
        assert!(times.is_sorted(), "{times:?}");
    }

    #[test]
    fn the_end_of_a_span_has_the_work_that_was_done_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let events = trace(|| {
            info_span!("write").in_scope(|| write_staged(&folder.path().join("file"), &[0; 9])).unwrap();
        });
        assert!(events[2]["args"]["bytes_written"].as_u64().unwrap() >= 9, "{events:?}");
    }

    #[test]
    fn threads_have_tracks_of_their_own() {
        let events = trace(|| {
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            let _run = info_span!("run").entered();
            thread::scope(|scope| {
                scope.spawn(|| {
                    tracing::dispatcher::with_default(&dispatch, || info_span!("compress").in_scope(|| ()));
                });
            });
        });
        assert_eq!(kinds(&events), "M:thread_name B:run M:thread_name B:compress E:compress E:run");
        assert!(events[1]["tid"] != events[3]["tid"] && events[3]["tid"] == events[4]["tid"]);
        // what was done meanwhile may have been done by anybody
        assert_eq!(events[4]["args"], json!({}));
    }

    #[test]
    fn what_is_open_at_the_end_ends_there() {
        let events = trace(|| std::mem::forget((info_span!("run").entered(), info_span!("pass").entered())));
        assert_eq!(kinds(&events), "M:thread_name B:run B:pass E:pass E:run");
    }

    #[test]
    fn only_a_regular_file_is_replaced_and_never_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_staged(&at("file"), b"precious").unwrap();
        fs::hard_link(at("file"), at("second-name")).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        for bad in [at("link"), folder.path().to_owned(), "/dev/null".into()] {
            assert!(matches!(Trace::create(&bad), Err(TraceError::NotAFile(_))), "{}", bad.display());
        }
        for bad in [at("none/trace"), at("file/trace"), at("new/"), PathBuf::new()] {
            let error = Trace::create(&bad).unwrap_err();
            assert!(matches!(error, TraceError::Make { .. }), "{}: {error}", bad.display());
        }
        Trace::create(&at("file")).unwrap().finish().unwrap();
        assert_eq!(fs::read(at("file")).unwrap(), b"[\n]\n");
        assert_eq!(fs::read(at("second-name")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_a_killed_program_leaves_lacks_only_the_end() {
        struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);
        impl Write for Pieces {
            fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().push(piece.to_vec());
                Ok(piece.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let pieces = Arc::new(Mutex::new(Vec::new()));
        let trace = Trace::of("t".into(), Box::new(Pieces(Arc::clone(&pieces))));
        let subscriber = tracing_subscriber::registry().with(trace.layer());
        let mut counts = Vec::new();
        tracing::subscriber::with_default(subscriber, || {
            for size in 0..200 {
                debug_span!("compress", what = "x".repeat(size)).in_scope(|| ());
            }
            info_span!("index").in_scope(|| ());
            let mut left = Vec::new();
            for piece in pieces.lock().unwrap().iter() {
                left.extend_from_slice(piece);
                let whole = [left.as_slice(), b"]"].concat();
                counts.push(serde_json::from_slice::<Vec<Value>>(&whole).unwrap().len());
            }
        });
        assert!(counts.len() > 2 && counts.last() == Some(&403), "{counts:?}");
    }

    #[test]
    fn a_disk_that_fails_is_said_at_the_end() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let trace = Trace::of("t".into(), Box::new(Full));
        let subscriber = tracing_subscriber::registry().with(trace.layer());
        tracing::subscriber::with_default(subscriber, || info_span!("run").in_scope(|| ()));
        assert!(matches!(trace.finish(), Err(TraceError::Write { .. })));
    }
}
