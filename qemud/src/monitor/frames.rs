//! Lines out of a byte stream, with a bound on their length. Pure.

/// The longest message accepted: replies about hundreds of disks reach some megabytes, nothing honest reaches this.
pub(super) const MAX_LINE: usize = 64 << 20;

/// Room that an idle connection keeps: enough for events.
const KEPT: usize = 1 << 10;

/// Bytes received but not yet taken as lines.
#[derive(Debug)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// Where the first line not yet taken begins.
    start: usize,
    /// Up to where no line end was found.
    searched: usize,
    max: usize,
}

/// A line grew over the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Frames {
    pub(super) fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, searched: 0, max }
    }

    /// Take in what was read.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            (self.start, self.searched) = (0, 0);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end; `None` until more bytes come. Empty lines are passed over.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        loop {
            let Some(length) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
                self.searched = self.buffer.len();
                return self.pending();
            };
            let end = self.searched + length;
            let from = std::mem::replace(&mut self.start, end + 1);
            self.searched = end + 1;
            let line = self.buffer[from..end].trim_ascii();
            if line.len() > self.max {
                return Err(TooLong);
            }
            if !line.is_empty() {
                // Looked up again: the borrow checker does not let a loop return what it borrowed before.
                return Ok(Some(self.buffer[from..end].trim_ascii()));
            }
        }
    }

    fn pending(&mut self) -> Result<Option<&[u8]>, TooLong> {
        if self.start == self.buffer.len() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
            (self.start, self.searched) = (0, 0);
        }
        if self.buffer.len() - self.start > self.max {
            return Err(TooLong);
        }
        if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(frames: &mut Frames) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = frames.next().unwrap() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
        lines
    }

    #[test]
    fn lines_come_out_however_they_are_cut() {
        let text = b"{\"a\": 1}\r\n\r\n  \n{\"b\": 2}\r\n{\"c\"";
        for cut in 0..text.len() {
            let mut frames = Frames::new(100);
            frames.extend(&text[..cut]);
            let mut got = lines(&mut frames);
            frames.extend(&text[cut..]);
            got.extend(lines(&mut frames));
            assert_eq!(got, ["{\"a\": 1}", "{\"b\": 2}"], "cut at {cut}");
            frames.extend(b": 3}\n");
            assert_eq!(lines(&mut frames), ["{\"c\": 3}"]);
        }
    }

    #[test]
    fn the_limit_holds_with_and_without_a_line_end() {
        let mut frames = Frames::new(4);
        frames.extend(b"1234\n");
        assert_eq!(frames.next().unwrap(), Some(&b"1234"[..]));
        frames.extend(b"12345");
        assert_eq!(frames.next(), Err(TooLong));
        let mut frames = Frames::new(4);
        frames.extend(b"12345\n");
        assert_eq!(frames.next(), Err(TooLong));
    }
}
