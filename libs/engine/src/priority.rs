//! Which threads of the engine go first when there are fewer cores than work: those of quick searches and
//! of fresh changes; then long searches; then what can wait.

use thread_priority::{ThreadPriority, ThreadPriorityValue};

/// From 0 to 99; ordinary is 49. On Linux a niceness of 15, which leaves a thirtieth of a core that an ordinary
/// thread wants too; with 10, a tenth, a search on both cores took 1.7 times as long beside deadly ones, now 1.4.
const LOW: u8 = 8;

/// Lets ordinary threads go first.
pub(crate) fn lower() {
    let low = ThreadPriorityValue::try_from(LOW);
    set(low.map_or(ThreadPriority::Min, ThreadPriority::Crossplatform));
}

/// Lets every other thread of this process, and of the machine, go first.
pub(crate) fn come_last() {
    set(ThreadPriority::Min);
}

fn set(priority: ThreadPriority) {
    if let Err(error) = priority.set_for_current() {
        tracing::warn!(%error, "a thread that should give way has the priority of all others");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{come_last, lower};

    /// Of the thread that asks.
    pub(crate) fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // What follows the name, which may hold anything; proc_pid_stat(5) counts from one.
        let after = stat.rsplit_once(')').unwrap().1;
        after.split_whitespace().nth(19 - 3).unwrap().parse().unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")] // elsewhere the system may have no such thing
    fn threads_give_way_by_degrees() {
        let after = |give_way: fn()| {
            let niceness = move || (give_way(), niceness()).1;
            std::thread::spawn(niceness).join().unwrap()
        };
        assert_eq!([after(|| {}), after(lower), after(come_last)], [niceness(), 15, 19]);
    }
}
