"""The Parquet exporter, called from Python through the module that the build makes for tests.

    export(table_or_reader, output, compression="snappy", row_group_rows=1000) -> stats
    raises ExportError(status, message, hint)

The structures mirror tools/parquet_export/parquet_export.h; the defaults that it documents are
checked on loading, so that a field added there and forgotten here is noticed.
"""

import ctypes
import os
import subprocess
import sys

import peers

STATUS_NAMES = [
    "ok", "end", "invalid", "not_found", "exists", "busy", "fenced", "conflict", "corrupt", "io",
    "kafka", "nomem", "unsupported", "cancelled",
]
COMPRESSIONS = {"zstd": 0, "snappy": 1, "none": 2}
TARGETS = {"auto": 0, "file": 1, "directory": 2}


class Stats(ctypes.Structure):
    _fields_ = [
        ("row_count", ctypes.c_int64),
        ("file_count", ctypes.c_int64),
        ("row_group_count", ctypes.c_int64),
        ("byte_count", ctypes.c_int64),
        ("partition_count", ctypes.c_int64),
        ("empty_as_null_row_count", ctypes.c_int64),
    ]


PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Stats))


class Options(ctypes.Structure):
    _fields_ = [
        ("output", ctypes.c_char_p),
        ("target", ctypes.c_int),
        ("compression", ctypes.c_int),
        ("zstd_level", ctypes.c_int32),
        ("row_group_rows", ctypes.c_int64),
        ("row_group_bytes", ctypes.c_int64),
        ("page_rows", ctypes.c_int64),
        ("page_bytes", ctypes.c_int64),
        ("file_bytes", ctypes.c_int64),
        ("buffer_bytes", ctypes.c_int64),
        ("partition_by", ctypes.POINTER(ctypes.c_char_p)),
        ("partition_by_count", ctypes.c_size_t),
        ("partition_count_max", ctypes.c_int64),
        ("page_checksums", ctypes.c_bool),
        ("on_progress", PROGRESS),
        ("progress_context", ctypes.c_void_p),
    ]


class Error(ctypes.Structure):
    _fields_ = [
        ("status", ctypes.c_int),
        ("position", ctypes.c_int32),
        ("message", ctypes.c_char * 1024),
        ("hint", ctypes.c_char * 512),
    ]


class ArrowArrayStream(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in
                ("get_schema", "get_next", "get_last_error", "release", "private_data")]


class ExportError(Exception):
    def __init__(self, status, message, hint):
        super().__init__("%s: %s (%s)" % (status, message, hint))
        self.status = status
        self.message = message
        self.hint = hint


def _path():
    given = os.environ.get("WEND_PARQUET_MODULE")
    if given:
        return given
    build = os.environ.get("WEND_TEST_BUILD") or os.path.join(peers.source_root(), "build", "dev")
    return os.path.join(build, "lib", "libwend_parquet_module.so")


def preload_sanitizer():
    """Start this script anew with the sanitizer runtime that the module wants, if it wants one."""
    path = _path()
    if not os.path.exists(path):
        peers.skip("%s was not built" % path)
    needed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    symbols = subprocess.run(["nm", "-D", path], capture_output=True, text=True, check=False).stdout
    if "__tsan_init" in symbols:
        peers.skip("Python cannot host a module built with TSan")
    if "__asan_init" not in symbols or "LD_PRELOAD" in os.environ:
        return
    libraries = [word for word in needed.split() if word.startswith("/") and "libasan" in word]
    if not libraries:
        peers.skip("the module was built with an ASan runtime that is no shared library")
    # The C++ runtime too: ASan wraps its throw, and must find it when it starts.
    cxx = subprocess.run(["gcc", "-print-file-name=libstdc++.so.6"], capture_output=True, text=True,
                         check=False).stdout.strip()
    os.environ["LD_PRELOAD"] = " ".join(libraries + [cxx])
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.argv])


_library = None


def library():
    global _library
    if _library is None:
        _library = ctypes.CDLL(_path())
        _library.parquet_export_options_init.argtypes = [ctypes.POINTER(Options)]
        _library.parquet_export_options_init.restype = None
        _library.parquet_export.argtypes = [
            ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(Options), ctypes.POINTER(Stats),
            ctypes.POINTER(Error)]
        _library.parquet_export.restype = ctypes.c_int
        options = Options()
        _library.parquet_export_options_init(options)
        assert options.zstd_level == 3 and options.row_group_rows == 1048576
        assert options.partition_count_max == 20000 and options.page_checksums is True
    return _library


def export(source, output, partition_by=(), on_progress=None, **settings):
    """Export a pyarrow Table or RecordBatchReader; settings are fields of the options."""
    module = library()
    options = Options()
    module.parquet_export_options_init(options)
    options.output = os.fsencode(output)
    options.compression = COMPRESSIONS[settings.pop("compression", "zstd")]
    options.target = TARGETS[settings.pop("target", "auto")]
    for name, value in settings.items():
        assert name in dict(Options._fields_), name
        setattr(options, name, value)
    names = (ctypes.c_char_p * max(len(partition_by), 1))(*[name.encode() for name in partition_by])
    options.partition_by = ctypes.cast(names, ctypes.POINTER(ctypes.c_char_p))
    options.partition_by_count = len(partition_by)
    if on_progress is not None:
        callback = PROGRESS(lambda _context, stats: on_progress(stats.contents))
        options.on_progress = callback
    reader = source.to_reader() if hasattr(source, "to_reader") else source
    stream = ArrowArrayStream()
    reader._export_to_c(ctypes.addressof(stream))
    stats = Stats()
    error = Error()
    try:
        status = module.parquet_export(stream, options, stats, error)
    finally:
        if stream.release:
            ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArrayStream))(stream.release)(stream)
    if status != 0:
        assert error.status == status, (error.status, status)
        raise ExportError(STATUS_NAMES[status], error.message.decode(errors="replace"),
                          error.hint.decode(errors="replace"))
    return stats
