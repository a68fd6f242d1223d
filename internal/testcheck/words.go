package testcheck

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// readWords reads strings of fixed width, four bytes a character, padded with zeros: descr is U and the width.
func readWords(r io.Reader, descr string, shape nn.Shape) (*nn.Tensor, error) {
	width, err := strconv.Atoi(descr[1:])
	if err != nil {
		return nil, fmt.Errorf("dtype %s", descr)
	}
	t := graph.New(nn.Spec{Shape: shape, DType: graph.String})
	one := make([]rune, width)
	for i := range t.Str {
		if err := binary.Read(r, binary.LittleEndian, one); err != nil {
			return nil, err
		}
		t.Str[i] = strings.TrimRight(string(one), "\x00")
	}
	return t, nil
}

// offWords is 0 where strings are equal.
func offWords(a, b *nn.Tensor) float64 {
	if slices.Equal(a.Str, b.Str) {
		return 0
	}
	return math.Inf(1)
}
