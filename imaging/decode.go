package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"kerasgo/internal/safeio"
)

// Format is an image file's format, told by its content.
type Format string

// The formats that are read.
const (
	PNG  Format = "PNG"
	JPEG Format = "JPEG"
	GIF  Format = "GIF"
	BMP  Format = "BMP"
	TIFF Format = "TIFF"
	WebP Format = "WebP"
)

// Sniff tells a format by a file's first bytes; 16 are enough. It returns "",
// and the name of the format in known where it is one that isn't read.
func Sniff(head []byte) (f Format, known string) {
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case has(0, "\x89PNG\r\n\x1a\n"):
		return PNG, ""
	case has(0, "\xff\xd8\xff"):
		return JPEG, ""
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF, ""
	case has(0, "BM"):
		return BMP, ""
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		return TIFF, ""
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP, ""
	case has(4, "ftypavif"):
		return "", "AVIF"
	case has(4, "ftyphei"), has(4, "ftypmif1"):
		return "", "HEIF"
	case has(0, "\x00\x00\x00\x0cjP  "), has(0, "\xff\x4f\xff\x51"):
		return "", "JPEG 2000"
	case has(0, "\x00\x00\x00\x0cJXL "), has(0, "\xff\x0a"):
		return "", "JPEG XL"
	case has(0, "\x00\x00\x01\x00"):
		return "", "ICO"
	case has(0, "8BPS"):
		return "", "Photoshop"
	case has(0, "II+\x00"), has(0, "MM\x00+"):
		return "", "BigTIFF"
	case has(0, "%PDF"):
		return "", "PDF"
	}
	return "", ""
}

// Open decodes an image file. Only regular files are opened; the file's size
// and its declared pixels are checked against limits before anything of that
// size is allocated. Errors are a safeio.FormatError, UnsupportedError or
// LimitError that names the file, or the file system's.
func Open(path string, limits safeio.Limits) (*Image, error) {
	l := limits.OrDefaults()
	// No image within MaxPixels needs more than 8 bytes a pixel and its metadata.
	if p, ok := safeio.Product(l.MaxPixels, 8); ok && p < l.MaxFile-metadataBytes {
		l.MaxFile = p + metadataBytes
	}
	f, size, err := safeio.OpenRegular(path, l)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := safeio.Slice(f, size, 0, size)
	if err == nil {
		var m *Image
		if m, err = Decode(data, limits); err == nil {
			return m, nil
		}
	}
	return nil, safeio.At(err, safeio.Where{File: path})
}

const metadataBytes = 64 << 20

// Decode decodes a whole image file: of an animation the first frame, of
// several pages the first.
func Decode(data []byte, limits safeio.Limits) (*Image, error) {
	format, known := Sniff(data)
	if format == "" {
		if known != "" {
			return nil, &safeio.UnsupportedError{Msg: known + " images aren't read", Want: wantFormats}
		}
		return nil, &safeio.FormatError{Msg: "not an image that is read", Want: wantFormats}
	}
	var m *Image
	err := guard(format, func() (err error) {
		m, err = decode(data, format, limits.OrDefaults().MaxPixels)
		return err
	})
	return m, err
}

const wantFormats = "PNG, JPEG, GIF, BMP, TIFF or WebP"

// codec is one format's decoder: the header alone, then everything.
type codec struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// codecOf is a list of our own: image.Decode's depends on what else is
// imported.
func codecOf(f Format) codec {
	switch f {
	case PNG:
		return codec{png.DecodeConfig, png.Decode}
	case JPEG:
		return codec{jpeg.DecodeConfig, jpeg.Decode}
	case GIF:
		return codec{gif.DecodeConfig, gif.Decode}
	case BMP:
		return codec{bmp.DecodeConfig, bmp.Decode}
	case TIFF:
		return codec{tiff.DecodeConfig, tiff.Decode}
	}
	return codec{webp.DecodeConfig, webp.Decode}
}

func decode(data []byte, format Format, maxPixels int64) (*Image, error) {
	if format == WebP && animatedWebP(data) {
		return nil, &safeio.UnsupportedError{Msg: "animated WebP images aren't read"}
	}
	c := codecOf(format)
	cfg, err := c.config(bytes.NewReader(data))
	if err != nil {
		return nil, decodeError(format, err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return nil, &safeio.FormatError{Msg: fmt.Sprintf("%s: declares %d x %d pixels", format, cfg.Width, cfg.Height)}
	}
	if p, ok := safeio.ProductInts(cfg.Width, cfg.Height); !ok || int64(p) > maxPixels || cfg.Width > maxSide || cfg.Height > maxSide {
		return nil, &safeio.LimitError{
			Msg:   fmt.Sprintf("%s: declares %d x %d pixels", format, cfg.Width, cfg.Height),
			Limit: fmt.Sprintf("%d pixels", maxPixels),
			Raise: "--max-pixels",
		}
	}
	img, err := c.decode(bytes.NewReader(data))
	if err != nil {
		return nil, decodeError(format, err)
	}
	var m *Image
	switch format {
	case PNG:
		m, err = fromPNG(data, img)
	case GIF:
		m, err = fromGIF(data, img, cfg)
	case TIFF:
		m, err = fromTIFF(data, img)
	case WebP:
		m, err = fromWebP(img)
	default:
		m, err = fromImage(img)
	}
	if err != nil {
		return nil, err
	}
	if err := m.check(); err != nil { // a decoder that breaks its own promises
		return nil, &safeio.FormatError{Msg: string(format), Err: err}
	}
	return m, nil
}

// guard turns a panic inside a decoder into a broken file: the decoders are
// not ours, and no image may end the process.
func guard(format Format, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &safeio.FormatError{Msg: fmt.Sprintf("%s: the decoder gave up: %v", format, r)}
		}
	}()
	return f()
}

// decodeError sorts a decoder's error into the project's types.
func decodeError(format Format, err error) error {
	var (
		pngErr  png.UnsupportedError
		jpegErr jpeg.UnsupportedError
		tiffErr tiff.UnsupportedError
	)
	if errors.As(err, &pngErr) || errors.As(err, &jpegErr) || errors.As(err, &tiffErr) || errors.Is(err, bmp.ErrUnsupported) {
		return &safeio.UnsupportedError{Msg: string(format), Err: err}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &safeio.FormatError{Msg: string(format) + ": the file is cut short", Err: io.ErrUnexpectedEOF}
	}
	return &safeio.FormatError{Msg: string(format), Err: err}
}

// animatedWebP looks for the animation flag of an extended header, which the
// decoder would report as a broken file.
func animatedWebP(data []byte) bool {
	const flags = 12 + 8
	return len(data) > flags && string(data[12:16]) == "VP8X" && data[flags]&(1<<1) != 0
}
