//! Memory that is wiped before it is given back: for processes that hold secrets.

use std::alloc::{GlobalAlloc, Layout, System};

/// An allocator that overwrites all memory with zeros before it gives it back to `A`.
///
/// As a program's global allocator it catches every copy of a secret on the heap: also those in buffers of sockets, in
/// decoded arguments, and in vectors that have grown, which no type of ours could wipe.
///
/// ```no_run
/// #[global_allocator]
/// static ALLOCATOR: host::wipe::Wiping = host::wipe::Wiping::new();
/// ```
#[derive(Debug)]
pub struct Wiping<A = System>(A);

impl Wiping {
    /// The system's allocator, with wiping.
    pub const fn new() -> Self {
        Self(System)
    }
}

impl Default for Wiping {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: memory comes from `A` and goes back to it unchanged in place and layout; between, in `dealloc`, it is still
// the caller's, who has given it up. `realloc` is the trait's own: a new piece, a copy, and `dealloc` of the old piece.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Wiping<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `A` asks for.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` is valid for `layout.size()` bytes until it is given back below. glibc's explicit_bzero is never
        // left out by the compiler, though nobody reads the memory afterwards.
        unsafe {
            libc::explicit_bzero(place.cast(), layout.size());
            self.0.dealloc(place, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Looks at memory when it comes back.
    #[derive(Default)]
    struct Watching {
        clean: AtomicUsize,
        dirty: AtomicUsize,
    }

    // SAFETY: as the system's; memory is read only while it is allocated.
    unsafe impl GlobalAlloc for Watching {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: passed on.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
            // SAFETY: all of it was written, by its owner or by the wiping.
            let bytes = unsafe { std::slice::from_raw_parts(place, layout.size()) };
            let count = if bytes.iter().all(|byte| *byte == 0) { &self.clean } else { &self.dirty };
            count.fetch_add(1, Ordering::Relaxed);
            // SAFETY: passed on.
            unsafe { System.dealloc(place, layout) }
        }
    }

    #[test]
    fn memory_is_wiped_when_it_is_freed_and_when_it_moves() {
        let wiping = Wiping(Watching::default());
        let layout = Layout::array::<u8>(1000).unwrap();
        // SAFETY: written within its size, moved and freed with the layouts that it was had with.
        unsafe {
            let first = wiping.alloc(layout);
            first.write_bytes(0x5a, 1000);
            let second = wiping.realloc(first, layout, 3000);
            assert!(std::slice::from_raw_parts(second, 1000).iter().all(|byte| *byte == 0x5a));
            second.write_bytes(0x5a, 3000);
            wiping.dealloc(second, Layout::array::<u8>(3000).unwrap());
        }
        assert_eq!((wiping.0.clean.into_inner(), wiping.0.dirty.into_inner()), (2, 0));
    }
}
