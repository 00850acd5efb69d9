//! Plain loops compiled for the machine's widest vectors.
//!
//! The crate is built for the oldest processor of its kind; a loop over a block
//! that runs under [`vectorised`] is compiled once more for wide vectors with
//! fused multiply-adds, and the processor chooses. What it computes is the same
//! to the last bit: no operation is contracted unless written so.
//!
//! Scalar loops run so too. A matrix product may leave the upper halves of wide
//! registers in use, after which instructions of the old encoding wait for one
//! another: a sparse Gram matrix took three times as long as by itself.

use pulp::{Arch, Simd, WithSimd};

struct Loop<F>(F);

impl<R, F: FnOnce() -> R> WithSimd for Loop<F> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> R {
        (self.0)()
    }
}

/// Runs a loop. Mark the closure `#[inline(always)]`, or it is compiled for the
/// oldest processor after all.
#[inline(always)]
pub(crate) fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(Loop(work))
}

/// Whether `mul_add` is one instruction under [`vectorised`], or a slow call.
pub(crate) fn fuses() -> bool {
    !matches!(Arch::new(), Arch::Scalar) || cfg!(target_arch = "aarch64")
}
