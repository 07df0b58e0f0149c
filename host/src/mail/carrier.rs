//! Whoever takes messages, in a thread of its own, so that nobody waits longer than there is time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pressroom_archive::domain::MessageId;
use pressroom_archive::store::outbox_message::OutboxMessage;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) id: MessageId,
    pub(super) created: Timestamp,
    pub(super) topic: String,
    /// Of the envelope.
    pub(super) sender: String,
    /// Of the envelope; or one URL.
    pub(super) recipients: Vec<String>,
    pub(super) content: Vec<u8>,
}

impl Parcel {
    pub(super) fn new(message: &OutboxMessage, content: Vec<u8>) -> Self {
        Self {
            id: message.id,
            created: message.date_created,
            topic: message.topic.clone(),
            sender: message.sender.clone(),
            recipients: message.recipients.lines().map(str::to_owned).collect(),
            content,
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is on its way.
    Taken,
    /// It will never be taken.
    Refused(String),
    /// It was not taken this time.
    Later(String),
    /// It was not taken, and nothing else will be now.
    Nobody(String),
    /// Nobody knows: there was no answer in time. Nothing else can be asked.
    Gone(String),
}

/// A way to send messages.
pub(super) trait Transport: Send + 'static {
    /// Finds out whether anybody takes messages now; the error says why not.
    fn open(&mut self) -> Result<(), String>;

    /// Hands a message over.
    fn send(&mut self, parcel: &Parcel) -> Outcome;
}

enum Order {
    Open,
    Send(Box<Parcel>),
}

/// A transport at work in its thread.
pub(super) struct Carrier {
    orders: Option<Sender<Order>>,
    answers: Receiver<Outcome>,
    /// Whether it has not answered in time, and may never.
    is_stuck: bool,
}

/// How long a transport may take its leave, as by a word to a server.
const LEAVE: Duration = Duration::from_secs(1);

impl Carrier {
    /// Lets a transport work until this is dropped.
    pub(super) fn start(mut transport: impl Transport) -> Self {
        let (orders, taken) = channel();
        let (answer, answers) = channel();
        // it ends with the last order; one that hangs ends with the process
        std::thread::spawn(move || {
            for order in taken {
                let outcome = match order {
                    Order::Open => transport.open().map_or_else(Outcome::Nobody, |()| Outcome::Taken),
                    Order::Send(parcel) => transport.send(&parcel),
                };
                if answer.send(outcome).is_err() {
                    break;
                }
            }
            // it takes its leave before anybody hears that the thread has ended
            drop(transport);
            drop(answer);
        });
        Self { orders: Some(orders), answers, is_stuck: false }
    }

    /// Finds out whether anybody takes messages now.
    pub(super) fn open(&mut self, end: Instant) -> Result<(), String> {
        match self.ask(Order::Open, end) {
            Outcome::Taken => Ok(()),
            Outcome::Refused(reason)
            | Outcome::Later(reason)
            | Outcome::Nobody(reason)
            | Outcome::Gone(reason) => Err(reason),
        }
    }

    /// Hands a message over, and waits until `end` for what becomes of it.
    pub(super) fn send(&mut self, parcel: Parcel, end: Instant) -> Outcome {
        self.ask(Order::Send(Box::new(parcel)), end)
    }

    fn ask(&mut self, order: Order, end: Instant) -> Outcome {
        let time = end.saturating_duration_since(Instant::now());
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        let answer = if sent { self.answers.recv_timeout(time) } else { Err(RecvTimeoutError::Disconnected) };
        self.is_stuck = answer.is_err();
        match answer {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                Outcome::Gone(format!("nobody has answered within {:.1} s", time.as_secs_f64()))
            }
            Err(RecvTimeoutError::Disconnected) => Outcome::Gone("the sender's thread has ended".to_owned()),
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.orders = None;
        if !self.is_stuck {
            // nothing more comes: it is the end of the thread that is waited for
            let _ = self.answers.recv_timeout(LEAVE);
        }
    }
}
