from __future__ import annotations

from uuid import UUID

from kapagate.standin.corpus import CHUNKS, PAGES, SITE, find_document, find_page, parse_pages, search


def test_has_more_chunks_than_a_search_may_return() -> None:
    assert len(CHUNKS) > 15
    assert len({chunk.url for chunk in CHUNKS}) == len(CHUNKS)


def test_finds_the_chunk_that_shares_most_words() -> None:
    assert search("How long is the retention of a topic?")[0].heading == "Retention"
    assert search("upgrade a node")[0].title == "Install Nimbus|Upgrade"


def test_search_repeats_itself() -> None:
    assert search("backups") == search("backups")
    assert sorted(chunk.url for chunk in search("nonsense")) == sorted(chunk.url for chunk in CHUNKS)


def test_finds_a_page_by_its_url_with_and_without_fragment() -> None:
    page = find_page(f"{SITE}/security")
    assert page is not None
    assert find_page(f"{SITE}/security#api-keys") is page
    assert find_page(f"{SITE}/unknown") is None


def test_finds_a_document_by_its_id() -> None:
    for page in PAGES:
        assert str(UUID(page.document_id)) == page.document_id
        assert find_document(page.document_id) is page
    assert find_document("11111111-1111-4111-8111-111111111111") is None


def test_has_a_page_without_url_and_one_without_text() -> None:
    assert [page.content is not None for page in PAGES if page.url is None] == [True]
    assert [page.url is not None for page in PAGES if page.content is None] == [True]


def test_reads_pages_as_they_are_written() -> None:
    (page,) = parse_pages("# A title\n\n</a>\n\n## One\n\nfirst\nline\n\n## Two\n\nsecond\n")
    assert (page.title, page.path, page.sections) == ("A title", "/a", (("One", "first line"), ("Two", "second")))
    assert page.content == "# A title\n\n## One\n\nfirst line\n\n## Two\n\nsecond"
