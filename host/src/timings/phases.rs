//! Spans into a tree of phases: how often each was begun, how long, and what was done in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pressroom_archive::work::Counts;
use serde::{Serialize, Serializer};
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// All spans of one name below one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Phase {
    /// The name of its spans.
    #[serde(rename = "phase")]
    pub(crate) name: &'static str,
    /// How many there were.
    pub(crate) count: u64,
    /// How long there was at least one: what several threads did at the same time counts once.
    #[serde(rename = "wall_us", serialize_with = "microseconds")]
    pub(crate) wall: Duration,
    /// What was done meanwhile, by all threads; none for a phase of threads beside the run's own, whose work cannot be told from that of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) work: Option<Counts>,
    /// What it consists of, in the order in which they were begun first.
    pub(crate) phases: Vec<Phase>,
}

fn microseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

/// Gathers phases; its clones gather into the same tree.
#[derive(Debug, Clone)]
pub(crate) struct Phases(Arc<Mutex<Tree>>);

impl Phases {
    /// For runs on this thread. What other threads do without naming what it is for belongs to what this thread is at.
    pub(crate) fn new() -> Self {
        let tree =
            Tree { own_thread: thread::current().id(), nodes: Vec::new(), roots: Vec::new(), at: Vec::new() };
        Self(Arc::new(Mutex::new(tree)))
    }

    /// What was gathered since the last time. Everything that was begun has ended.
    pub(crate) fn take(&self) -> Vec<Phase> {
        let mut tree = self.tree();
        let phases = tree.phases(&tree.roots);
        tree.at.clear();
        tree.nodes.clear();
        tree.roots.clear();
        phases
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        // a panic elsewhere leaves durations that are a little wrong
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Tree {
    own_thread: ThreadId,
    nodes: Vec<Node>,
    roots: Vec<usize>,
    /// What the runs' own thread is at, outermost first, with the counts when it began.
    at: Vec<(usize, Counts)>,
}

#[derive(Debug)]
struct Node {
    name: &'static str,
    count: u64,
    wall: Duration,
    work: Option<Counts>,
    below: Vec<usize>,
    /// How many spans are open, and since when there is one.
    open: usize,
    since: Instant,
}

impl Tree {
    /// The node of a name below a parent, made when it is new.
    fn node(&mut self, parent: Option<usize>, name: &'static str) -> usize {
        let parent = parent.or_else(|| self.at.last().map(|(node, _)| *node));
        let siblings = match parent {
            Some(parent) => &self.nodes[parent].below,
            None => &self.roots,
        };
        if let Some(known) = siblings.iter().find(|sibling| self.nodes[**sibling].name == name) {
            return *known;
        }
        let new = self.nodes.len();
        self.nodes.push(Node {
            name,
            count: 0,
            wall: Duration::ZERO,
            work: None,
            below: Vec::new(),
            open: 0,
            since: Instant::now(),
        });
        match parent {
            Some(parent) => self.nodes[parent].below.push(new),
            None => self.roots.push(new),
        }
        new
    }

    fn begin(&mut self, place: usize, now: Instant) {
        let is_own = thread::current().id() == self.own_thread;
        let Some(node) = self.nodes.get_mut(place) else { return };
        node.count += 1;
        if node.open == 0 {
            node.since = now;
        }
        node.open += 1;
        if is_own {
            self.at.push((place, Counts::now()));
        }
    }

    fn end(&mut self, place: usize, now: Instant) {
        let is_own = thread::current().id() == self.own_thread;
        let Some(node) = self.nodes.get_mut(place).filter(|node| node.open > 0) else { return };
        node.open -= 1;
        if node.open == 0 {
            node.wall += now.saturating_duration_since(node.since);
        }
        if is_own && let Some(depth) = self.at.iter().rposition(|(at, _)| *at == place) {
            let (_, before) = self.at.remove(depth);
            node.work = Some(node.work.unwrap_or_default().plus(&Counts::now().since(&before)));
        }
    }

    fn phases(&self, places: &[usize]) -> Vec<Phase> {
        let phase = |place: &usize| {
            let node = &self.nodes[*place];
            let phases = self.phases(&node.below);
            Phase { name: node.name, count: node.count, wall: node.wall, work: node.work, phases }
        };
        places.iter().map(phase).collect()
    }
}

/// The node of a span.
struct Place(usize);

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Phases {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let parent =
            span.parent().and_then(|parent| parent.extensions().get::<Place>().map(|Place(place)| *place));
        let place = self.tree().node(parent, attributes.metadata().name());
        span.extensions_mut().insert(Place(place));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(place) = place_of(id, &context) {
            self.tree().begin(place, Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let now = Instant::now();
        if let Some(place) = place_of(id, &context) {
            self.tree().end(place, now);
        }
    }
}

fn place_of<S: Subscriber + for<'span> LookupSpan<'span>>(
    id: &Id,
    context: &Context<'_, S>,
) -> Option<usize> {
    context.span(id)?.extensions().get::<Place>().map(|Place(place)| *place)
}

#[cfg(test)]
mod tests {
    use pressroom_archive::work::{Work, count};
    use tracing::info_span;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What is gathered of some work.
    fn gather(work: impl FnOnce(&Phases)) -> Vec<Phase> {
        let phases = Phases::new();
        let subscriber = tracing_subscriber::registry().with(phases.clone());
        tracing::subscriber::with_default(subscriber, || work(&phases));
        phases.take()
    }

    fn shape(phases: &[Phase]) -> String {
        let one = |phase: &Phase| format!("{} {}({})", phase.name, phase.count, shape(&phase.phases));
        phases.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn spans_of_one_name_and_place_are_one_phase() {
        let phases = gather(|_| {
            let _run = info_span!("run").entered();
            for _ in 0..2 {
                let _pass = info_span!("pass").entered();
                info_span!("stage").in_scope(|| ());
                info_span!("index").in_scope(|| info_span!("read").in_scope(|| ()));
            }
            info_span!("finalize").in_scope(|| ());
        });
        assert_eq!(shape(&phases), "run 1(pass 2(stage 2(), index 2(read 2())), finalize 1())");
        assert!(phases[0].wall >= phases[0].phases[0].wall);
    }

    #[test]
    fn a_phase_has_the_work_that_was_done_meanwhile() {
        let phases = gather(|_| {
            let _run = info_span!("run").entered();
            count(Work::BytesCopied, 5);
            info_span!("stage").in_scope(|| count(Work::BytesCopied, 7));
        });
        // other tests of this process count too
        let work = |phase: &Phase| phase.work.unwrap().of(Work::BytesCopied);
        assert!(work(&phases[0].phases[0]) >= 7 && work(&phases[0]) >= 5 + work(&phases[0].phases[0]));
    }

    #[test]
    fn what_other_threads_do_belongs_to_what_the_run_is_at() {
        let phases = gather(|_| {
            let _index = info_span!("index").entered();
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        tracing::dispatcher::with_default(&dispatch, || {
                            info_span!("compress").in_scope(|| info_span!("xz").in_scope(|| ()));
                        });
                    });
                }
            });
        });
        assert_eq!(shape(&phases), "index 1(compress 2(xz 2()))");
        assert!(phases[0].work.is_some() && phases[0].phases[0].work.is_none());
    }

    #[test]
    fn what_happens_at_the_same_time_counts_once() {
        let mut tree =
            Tree { own_thread: thread::current().id(), nodes: Vec::new(), roots: Vec::new(), at: Vec::new() };
        let place = tree.node(None, "compress");
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        tree.begin(place, at(0));
        tree.begin(place, at(1));
        tree.end(place, at(3));
        tree.end(place, at(5));
        tree.begin(place, at(7));
        tree.end(place, at(8));
        // an end too many is no harm
        tree.end(place, at(9));
        let phase = &tree.phases(&tree.roots)[0];
        assert_eq!((phase.count, phase.wall), (3, Duration::from_secs(6)));
    }

    #[test]
    fn what_was_taken_is_not_taken_again() {
        let phases = gather(|phases| {
            info_span!("run").in_scope(|| ());
            assert_eq!(shape(&phases.take()), "run 1()");
            info_span!("run").in_scope(|| info_span!("pass").in_scope(|| ()));
        });
        assert_eq!(shape(&phases), "run 1(pass 1())");
    }
}
