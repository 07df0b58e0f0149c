//! An index from the published one and what changed: only segments that a change touches are looked into.

use super::IndexError;
use super::segment::assemble::Assembly;
use super::segment::cut::{Cutter, Rule, Segment};
use super::segment::previous::Previous;
use crate::store::index_segment::StoredSegment;
use crate::store::indexed::Names;

/// Takes the name and the text of an entry.
pub(super) type Each<'e> = dyn FnMut(&str, &str) -> Result<(), IndexError> + 'e;

/// What an index has as a pass will leave it: stanzas by the names of packages, or lines by paths.
pub(super) trait Entries {
    /// Calls `each` with the entries of these names, in order, from the rows.
    fn for_each(&self, names: &Names, each: &mut Each<'_>) -> Result<(), IndexError>;

    /// Whether nothing is left of the name that begins a published segment.
    fn is_gone(&self, previous: &Previous, place: usize) -> Result<bool, IndexError>;

    /// Calls `each` with the entries of a published segment's text, those of the `touched` names (sorted) as they are now. Says no, and has called nothing,
    /// where the text is none that was made here.
    fn renew(&self, text: &str, touched: &[String], each: &mut Each<'_>) -> Result<bool, IndexError>;
}

/// All of an index, from the rows.
pub(super) fn render_all(
    entries: &impl Entries,
    rule: Rule,
    assembly: &mut Assembly<'_>,
) -> Result<(), IndexError> {
    let _span = tracing::debug_span!("render").entered();
    let mut cutter = Cutter::new(rule);
    entries.for_each(&Names::all(), &mut |name, text| {
        cutter.add(name, text).map_or(Ok(()), |segment| assembly.push(segment))
    })?;
    cutter.end().map_or(Ok(()), |segment| assembly.push(segment))
}

/// The names that segment `place` of the published index is responsible for: up to where the next one begins, the first one also for all before it.
pub(super) fn names_of(segments: &[StoredSegment], place: usize) -> Names {
    let first_name = |place: usize| segments.get(place).map(|stored| stored.segment.first_name.as_str());
    Names::between(first_name(place).filter(|_| place > 0), first_name(place + 1))
}

/// The segment of the published index made again from the rows, for one that is damaged or lost.
pub(super) fn render_again(
    entries: &impl Entries,
    segments: &[StoredSegment],
    place: usize,
) -> Result<Segment, IndexError> {
    let mut segment = Segment { first_name: String::new(), stanzas: 0, text: String::new() };
    entries.for_each(&names_of(segments, place), &mut |name, text| {
        if segment.stanzas == 0 {
            name.clone_into(&mut segment.first_name);
        }
        segment.stanzas += 1;
        segment.text.push_str(text);
        Ok(())
    })?;
    Ok(segment)
}

/// The published index with the entries of the `touched` names (sorted) as they are now.
pub(super) fn change(
    entries: &impl Entries,
    rule: Rule,
    previous: &Previous,
    touched: &[String],
    assembly: &mut Assembly<'_>,
) -> Result<(), IndexError> {
    let segments = &previous.segments;
    let of_segment = share_out(touched, segments);
    let mut is_open: Vec<bool> = of_segment.iter().map(|names| !names.is_empty()).collect();
    for place in (1..segments.len()).rev() {
        // where the name that begins a segment goes, the one before it may not end there
        let first_name = &segments[place].segment.first_name;
        if of_segment[place].binary_search(first_name).is_ok() && entries.is_gone(previous, place)? {
            is_open[place - 1] = true;
        }
    }
    let mut cutter = Cutter::new(rule);
    for (place, names) in of_segment.iter().enumerate() {
        if !is_open[place] && !cutter.is_empty() && cutter.would_cut(&segments[place].segment.first_name) {
            // in step with the published index again
            cutter.end().map_or(Ok(()), |segment| assembly.push(segment))?;
        }
        if !is_open[place] && cutter.is_empty() {
            assembly.keep(place)?;
            continue;
        }
        look_into(entries, previous, place, names, &mut cutter, assembly)?;
    }
    cutter.end().map_or(Ok(()), |segment| assembly.push(segment))
}

/// Which of the names each segment is responsible for.
fn share_out<'a>(touched: &'a [String], segments: &[StoredSegment]) -> Vec<&'a [String]> {
    let mut rest = touched;
    let mut shares = Vec::with_capacity(segments.len());
    for place in 0..segments.len() {
        let below = segments.get(place + 1).map(|next| next.segment.first_name.as_str());
        let count = below.map_or(rest.len(), |below| rest.partition_point(|name| name.as_str() < below));
        let (share, after) = rest.split_at(count);
        shares.push(share);
        rest = after;
    }
    shares
}

/// Cuts the text of a segment again, with its changed entries renewed.
fn look_into(
    entries: &impl Entries,
    previous: &Previous,
    place: usize,
    names: &[String],
    cutter: &mut Cutter,
    assembly: &mut Assembly<'_>,
) -> Result<(), IndexError> {
    let _span = tracing::debug_span!("render").entered();
    let mut add =
        |name: &str, text: &str| cutter.add(name, text).map_or(Ok(()), |segment| assembly.push(segment));
    if let Some(text) = previous.text(place, &[])
        && entries.renew(&text, names, &mut add)?
    {
        return Ok(());
    }
    tracing::warn!(
        segment = previous.segments[place].segment.first_name,
        "a segment of the published index is not what it was, and is made again"
    );
    entries.for_each(&names_of(&previous.segments, place), &mut add)
}
