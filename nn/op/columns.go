package op

import "kerasgo/internal/vec"

// columnRows is how many rows of a matrix one task sums. It is fixed, so that threads change no bits.
const columnRows = 512

// block is rows [i·columnRows, ...) of a loop's x, l.n[0] wide: where they begin and end.
func (l *loop) block(i int) (from, to int) {
	from = i * columnRows * l.n[0]
	return from, min(from+columnRows*l.n[0], len(l.x))
}

func columnSum(l *loop, i int) {
	from, to := l.block(i)
	vec.ColumnSum(l.y[i*l.n[0]:][:l.n[0]], l.x[from:to])
}

func columnSquares(l *loop, i int) {
	from, to := l.block(i)
	vec.ColumnSquares(l.y[i*l.n[0]:][:l.n[0]], l.x[from:to], l.z)
}

func columnDots(l *loop, i int) {
	from, to := l.block(i)
	vec.ColumnDots(l.y[i*l.n[0]:][:l.n[0]], l.dy[from:to], l.x[from:to], l.z)
}

// columnTotals adds to total a sum over the rows of x: what body, one of those above, makes of a block of rows.
func columnTotals(r *Run, body func(l *loop, i int), total []float64, x, dy, mean []float32) {
	n := len(total)
	if n == 0 || len(x) == 0 {
		return
	}
	blocks := (len(x)/n + columnRows - 1) / columnRows
	part := r.Scratch(blocks * n)
	l := newLoop(body)
	l.x, l.dy, l.z, l.y, l.n = x, dy, mean, part, [4]int{n}
	l.run(r, blocks, len(x))
	for ; len(part) > 0; part = part[n:] {
		for c, v := range part[:n] {
			total[c] += float64(v)
		}
	}
}

// addRows adds each row of x, len(y) wide, to y, in blocks, so that errors don't grow with the number of rows.
func addRows(r *Run, y, x []float32) {
	n := len(y)
	if n == 0 || len(x) == 0 {
		return
	}
	blocks := (len(x)/n + columnRows - 1) / columnRows
	part := r.Scratch(blocks * n)
	l := newLoop(columnSum)
	l.x, l.y, l.n = x, part, [4]int{n}
	l.run(r, blocks, len(x))
	for ; len(part) > 0; part = part[n:] {
		add(y, part[:n])
	}
}

// columnMoments are the means and variances of the columns of x: the variances in a second pass, about the means.
func columnMoments(r *Run, mean, variance []float64, x []float32, count float64) {
	columnTotals(r, columnSum, mean, x, nil, nil)
	about := r.Dirty(len(mean))
	for c := range mean {
		mean[c] /= count
		about[c] = float32(mean[c])
	}
	columnTotals(r, columnSquares, variance, x, nil, about)
	for c := range variance {
		variance[c] /= count
	}
}

// columnsBack adds to dx the gradient of a normalization whose channels are columns: scale·(dy - mean1 - xn·dot1), where
// xn is (x-mean)·inv; when not Train, of a scale alone.
func (o BatchNorm) columnsBack(r *Run, dx, dy, x, mean, inv, scale, mean1, dot1 []float32) {
	n := len(mean)
	per := r.Scratch(4 * n)
	copy(per, mean)
	copy(per[n:], scale)
	if o.Train {
		for c, s := range scale {
			per[2*n+c], per[3*n+c] = -s*inv[c]*dot1[c], -s*mean1[c]
		}
	}
	if len(x) == 0 {
		return
	}
	l := newLoop(normBack)
	l.fresh = r.Fresh()
	l.x, l.dx, l.dy, l.z, l.n = x, dx, dy, per, [4]int{n}
	l.run(r, (len(x)/n+columnRows-1)/columnRows, len(x))
}

func normBack(l *loop, i int) {
	from, to := l.block(i)
	n := l.n[0]
	if l.fresh {
		clear(l.dx[from:to])
	}
	vec.NormGrad(l.dx[from:to], l.dy[from:to], l.x[from:to], l.z[:n], l.z[n:][:n], l.z[2*n:][:n], l.z[3*n:])
}
