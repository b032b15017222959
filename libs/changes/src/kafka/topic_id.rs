//! Asks the cluster for a topic's id, which the safe wrapper does not offer.
//!
//! # Safety argument
//!
//! Every `unsafe` block here calls a function of the C library's admin interface:
//!
//! - The client handle comes from a borrowed [`Client`], so it is alive for the whole call, and the
//!   library allows any thread to use it.
//! - What a constructor returns is checked for null and put into an [`Owned`] at once, which hands it
//!   to its destructor exactly once. Owned values are dropped in reverse order of creation, so the
//!   event goes before the queue it came from, and both before the client.
//! - Pointers read out of the event (topics, id, error) are used only while the event is alive; what is
//!   returned is copied.
//! - The name passed in is a [`CString`] that outlives the call; the library copies it.
#![allow(unsafe_code)]

use rdkafka::ClientContext;
use rdkafka::bindings as c;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, CString, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

/// The answer comes at the request's timeout at the latest; this is how much later it may be polled.
const MARGIN: Duration = Duration::from_secs(1);

/// A topic as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    /// The topic's id as Kafka's own tools print it; `None` from brokers before 2.8.
    pub id: Option<String>,
    /// Number of partitions.
    pub partitions: usize,
}

/// Describes `topic`. Waits for the network, `timeout` at most.
pub(super) fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> KafkaResult<Description> {
    let name = CString::new(topic)?;
    let handle = client.native_ptr();
    // SAFETY: see the module; `handle` is alive as long as `client` is.
    let queue = Owned::new(unsafe { c::rd_kafka_queue_new(handle) }, c::rd_kafka_queue_destroy)?;
    let options = options(handle, timeout)?;
    let mut names = [name.as_ptr()];
    // SAFETY: one name, as the length says, alive until the end of this function.
    let topics = unsafe { c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1) };
    let topics = Owned::new(topics, c::rd_kafka_TopicCollection_destroy)?;
    // SAFETY: all four are alive; the call copies what it needs beyond its return.
    unsafe { c::rd_kafka_DescribeTopics(handle, topics.get(), options.get(), queue.get()) };
    let wait = millis(timeout + MARGIN);
    // SAFETY: the queue is alive; null, which is "nothing came", is refused by `Owned::new`.
    let event = unsafe { c::rd_kafka_queue_poll(queue.get(), wait) };
    let event = Owned::new(event, c::rd_kafka_event_destroy)
        .map_err(|_| KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut))?;
    read_answer(&event)
}

fn options(
    handle: *mut c::rd_kafka_t,
    timeout: Duration,
) -> KafkaResult<Owned<c::rd_kafka_AdminOptions_t>> {
    let operation = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    // SAFETY: see the module.
    let options = unsafe { c::rd_kafka_AdminOptions_new(handle, operation) };
    let options = Owned::new(options, c::rd_kafka_AdminOptions_destroy)?;
    // SAFETY: the options are alive; a null buffer of length zero asks for no text of the error.
    let set = unsafe {
        let (text, size) = (ptr::null_mut(), 0);
        c::rd_kafka_AdminOptions_set_request_timeout(options.get(), millis(timeout), text, size)
    };
    check(set)?;
    Ok(options)
}

fn read_answer(event: &Owned<c::rd_kafka_event_t>) -> KafkaResult<Description> {
    // SAFETY: the event is alive.
    check(unsafe { c::rd_kafka_event_error(event.get()) })?;
    // SAFETY: the event is alive; another type of event gives null.
    let result = unsafe { c::rd_kafka_event_DescribeTopics_result(event.get()) };
    if result.is_null() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::BadMessage));
    }
    let mut count = 0;
    // SAFETY: `result` lives as long as the event; `count` is written before the return.
    let topics = unsafe { c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count) };
    if topics.is_null() || count != 1 {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::BadMessage));
    }
    // SAFETY: the array has one element, which lives as long as the event.
    let topic = unsafe { *topics };
    // SAFETY: `topic` lives as long as the event.
    let error = unsafe { c::rd_kafka_TopicDescription_error(topic) };
    if !error.is_null() {
        // SAFETY: not null, and part of the topic.
        check(unsafe { c::rd_kafka_error_code(error) })?;
    }
    let mut partitions = 0;
    // SAFETY: `topic` lives as long as the event; only the count is used.
    unsafe { c::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions) };
    Ok(Description { id: read_id(topic), partitions })
}

fn read_id(topic: *const c::rd_kafka_TopicDescription_t) -> Option<String> {
    // SAFETY: the caller's event keeps `topic` alive, and with it the id and its text.
    unsafe {
        let id = c::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return None;
        }
        let high = c::rd_kafka_Uuid_most_significant_bits(id);
        let low = c::rd_kafka_Uuid_least_significant_bits(id);
        let text = c::rd_kafka_Uuid_base64str(id);
        let is_set = (high, low) != (0, 0) && !text.is_null();
        is_set.then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

fn check(code: RDKafkaRespErr) -> KafkaResult<()> {
    match RDKafkaErrorCode::from(code) {
        RDKafkaErrorCode::NoError => Ok(()),
        code => Err(KafkaError::MetadataFetch(code)),
    }
}

fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}

/// A value of the C library that is ours to destroy.
struct Owned<T> {
    pointer: NonNull<T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> KafkaResult<Self> {
        let pointer = NonNull::new(pointer);
        let pointer = pointer.ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::Fail))?;
        Ok(Self { pointer, destroy })
    }

    fn get(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the constructor that belongs to `destroy`, and goes only here.
        unsafe { (self.destroy)(self.pointer.as_ptr()) }
    }
}
