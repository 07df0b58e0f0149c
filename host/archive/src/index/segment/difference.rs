//! What of the published index stays and what takes the place of what: told to the maker of a patch, segment by segment, as the next index is put
//! together.

use std::sync::Arc;

use super::beside::{Beside, Taker};
use super::cut::Segment;
use super::previous::Previous;
use crate::index::patch::maker::{MOST_BYTES, Made, Maker, NoPatch, Piece};
use crate::store::index_patch::Content;

impl Taker for Maker {
    type Piece = Piece;

    fn take(&mut self, piece: Piece) {
        Self::take(self, piece);
    }

    fn length(piece: &Piece) -> usize {
        piece.text().len()
    }
}

/// Follows an index that is being put together.
#[derive(Debug)]
pub(in crate::index) struct Difference<'a> {
    /// Where the texts are that the index has no longer.
    previous: &'a Previous,
    /// The text that clients have.
    published: Content,
    /// The first of its segments that has not come by.
    next: usize,
    /// How much text of such was read since one was the same.
    read_bytes: u64,
    maker: Result<Beside<Maker>, NoPatch>,
}

impl<'a> Difference<'a> {
    /// From the published index, of which clients have the text `published`.
    pub(in crate::index) fn begin(previous: &'a Previous, published: Content) -> Self {
        Self { previous, published, next: 0, read_bytes: 0, maker: Ok(Beside::begin()) }
    }

    /// The next segment, with its place in the published index where that has the same text.
    pub(super) fn follow(&mut self, place: Option<usize>, segment: &Arc<Segment>) {
        let piece = match place.filter(|place| *place >= self.next) {
            Some(place) => {
                self.read_until(place);
                (self.next, self.read_bytes) = (place + 1, 0);
                Piece::Same(Arc::clone(segment))
            }
            None => Piece::New(Arc::clone(segment)),
        };
        if let Ok(maker) = &mut self.maker {
            maker.take(piece);
        }
    }

    /// Reads the segments that the index has no longer, from the next one on.
    fn read_until(&mut self, place: usize) {
        for gone in self.next..place {
            let Ok(maker) = &mut self.maker else { return };
            let text_bytes = self.previous.segments.get(gone).map_or(0, |stored| stored.segment.text_bytes);
            self.read_bytes = self.read_bytes.saturating_add(text_bytes);
            if self.read_bytes > u64::try_from(MOST_BYTES).unwrap_or(u64::MAX) {
                self.maker = Err(NoPatch::TooMuch);
                return;
            }
            match self.previous.text(gone, &[]) {
                Some(text) => maker.take(Piece::Old(text)),
                None => self.maker = Err(NoPatch::Lost),
            }
        }
    }

    /// The patch, when everything has come by.
    pub(super) fn finish(mut self) -> Result<Made, NoPatch> {
        self.read_until(self.previous.segments.len());
        self.maker?.finish().finish(self.published)
    }
}
