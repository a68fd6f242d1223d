package tfrecord

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestWriter writes what tf.io.TFRecordWriter wrote of b"" and b"keras".
func TestWriter(t *testing.T) {
	const want = "000000000000000029039807d8ea82a20500000000000000eab2043e6b657261731b971cbb"
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range []string{"", "keras"} {
		if err := w.Write([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(b.Bytes()); got != want {
		t.Errorf("wrote\n%s, want\n%s", got, want)
	}
}
