"""A tiny wheelhouse: an application, a native dependency for two Pythons, and one for another machine."""

import zipfile


def wheel(folder, name, version, tag, *, requires=(), files=None):
    """A wheel that pip takes, always with the same bytes."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    path = folder / f"{name}-{version}-{tag}.whl"
    members = {
        **(files or {}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as file:
        for where, text in members.items():
            file.writestr(zipfile.ZipInfo(where), text)
    return path


def build(folder, version="1.0"):
    """The application's wheel; its dependencies lie beside it."""
    folder.mkdir(exist_ok=True)
    for tag in (
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp313-cp313-manylinux_2_28_aarch64",
        "cp311-cp311-manylinux_2_28_x86_64",
    ):
        wheel(folder, "native", "1.0", tag, files={"native.py": f"BUILT_FOR = {tag!r}\n"})
    wheel(folder, "pure", "2.0", "py3-none-any", files={"pure.py": ""})
    said = f"import os, native\nprint('trap {version}', os.environ['MANUL_RELEASE'])\n"
    files = {"trap/__init__.py": "", "trap/cli.py": said}
    return wheel(folder, "demo_trap", version, "py3-none-any", requires=["native>=1", "pure"], files=files)
