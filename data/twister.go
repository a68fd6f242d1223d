package data

// twister is the Mersenne Twister MT19937, seeded as numpy.random.RandomState(seed) is: with it, a seed orders the files of
// a folder as it does in Keras, so that validation_split parts them alike.
//
// Source: Matsumoto and Nishimura, "Mersenne Twister", 1998; numpy/random/src/mt19937/mt19937.c, mt19937_seed
type twister struct {
	state [624]uint32
	at    int
}

func newTwister(seed uint32) *twister {
	t := &twister{at: 624}
	t.state[0] = seed
	for i := 1; i < 624; i++ {
		seed = 1812433253*(seed^seed>>30) + uint32(i)
		t.state[i] = seed
	}
	return t
}

func (t *twister) next() uint32 {
	if t.at == 624 {
		for i := range t.state {
			y := t.state[i]&0x80000000 | t.state[(i+1)%624]&0x7fffffff
			t.state[i] = t.state[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		t.at = 0
	}
	y := t.state[t.at]
	t.at++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// upTo draws a number from 0 to n, by the smallest mask that covers it.
//
// Source: numpy/random/src/distributions/distributions.c, random_interval
func (t *twister) upTo(n uint32) uint32 {
	mask := n
	for _, s := range []int{1, 2, 4, 8, 16} {
		mask |= mask >> s
	}
	for {
		if v := t.next() & mask; v <= n {
			return v
		}
	}
}

// shuffleLike shuffles as RandomState.shuffle does.
func shuffleLike(t *twister, n int, swap func(i, k int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, int(t.upTo(uint32(i))))
	}
}
