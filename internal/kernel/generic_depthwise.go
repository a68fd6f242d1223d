package kernel

import "unsafe"

// genericDepthwise is the definition of ISA.Depthwise.
func genericDepthwise(dst, x, w *float32, taps *int, ntaps, npix, ch, xs, ys int, bias, add *float32, lo, hi float32, acc int) {
	tap := unsafe.Slice(taps, 2*ntaps)
	for p := range npix {
		d := unsafe.Slice(offset(dst, p*ys), ch)
		for c := range d {
			s := float32(0)
			for t := 0; t < len(tap); t += 2 {
				s += float32(*offset(x, p*xs+tap[t]+c) * *offset(w, tap[t+1]+c))
			}
			if acc != 0 {
				s = d[c] + s
			}
			if bias != nil {
				s += *offset(bias, c)
			}
			if add != nil {
				s += *offset(add, p*ys+c)
			}
			d[c] = Clamp(s, lo, hi)
		}
	}
}

// genericDepthwiseFilter is the definition of ISA.DepthwiseFilter.
func genericDepthwiseFilter(dw, x, dy *float32, npix, ch, xs, ys int) {
	d := unsafe.Slice(dw, ch)
	for c := range d {
		s := float32(0)
		for p := range npix {
			s += float32(*offset(x, p*xs+c) * *offset(dy, p*ys+c))
		}
		d[c] += s
	}
}

// offset returns the address of element i from p on.
func offset(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}
