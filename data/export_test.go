package data

// ShuffleLike is what orders the files of a folder.
func ShuffleLike(seed uint32, n int, swap func(i, k int)) { shuffleLike(newTwister(seed), n, swap) }
