//! Server-sent events, as far as the API uses them: `event:` and `data:` lines, ended by a blank one.

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// Turns bytes as they arrive into events.
#[derive(Debug, Default)]
pub struct SseParser {
    buffer: Vec<u8>,
}

impl SseParser {
    /// Takes more bytes and returns the events that are complete now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(end) = find_blank_line(&self.buffer[start..]) {
            events.extend(parse(&self.buffer[start..start + end]));
            start += end + 2;
        }
        self.buffer.drain(..start);
        events
    }
}

fn find_blank_line(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\n\n")
}

fn parse(block: &[u8]) -> Option<SseEvent> {
    let text = String::from_utf8_lossy(block);
    let mut event = SseEvent { name: "message".to_owned(), data: String::new() };
    let mut has_data = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("event:") {
            name.trim_start().clone_into(&mut event.name);
        } else if let Some(data) = line.strip_prefix("data:") {
            if has_data {
                event.data.push('\n');
            }
            event.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            has_data = true;
        }
    }
    has_data.then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_arrive_in_any_pieces() {
        let text =
            b"event: file\ndata: {\"a\":1}\n\n: keep-alive\n\nevent:summary\ndata:x\ndata: y\n\n";
        let want = [event("file", "{\"a\":1}"), event("summary", "x\ny")];
        for size in [1, 2, 7, text.len()] {
            let mut parser = SseParser::default();
            let got: Vec<_> = text.chunks(size).flat_map(|piece| parser.push(piece)).collect();
            assert_eq!(got, want, "pieces of {size}");
        }
    }
}
