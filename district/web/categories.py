"""What the categories of stores are called: OpenStreetMap's values and those of our own districts, in both languages."""

from collections import Counter
from collections.abc import Iterable

from district.web.language import Language

NOT_SHOPPING = frozenset(
    {"bicycle_parking", "parking", "charging_station", "place_of_worship", "company", "atm", "toilets"}
)
"""On the map, and found by who asks for them; not in a list of shops."""

_TITLES: dict[str, tuple[str, str]] = {
    "alcohol": ("Wine and spirits", "酒类"), "antiques": ("Antiques", "古董"), "art": ("Art", "艺术品"),
    "atm": ("Cash machine", "取款机"), "attraction": ("Sight", "景点"), "baby_goods": ("Baby goods", "母婴"),
    "bakery": ("Bakery", "面包店"), "bank": ("Bank", "银行"), "bar": ("Bar", "酒吧"), "beauty": ("Beauty", "美容"),
    "bed": ("Beds", "床品"), "bicycle": ("Bicycles", "自行车"), "bicycle_parking": ("Bicycle parking", "自行车停放"),
    "books": ("Books", "书店"), "boutique": ("Boutique", "精品店"), "cafe": ("Café", "咖啡馆"),
    "carpet": ("Carpets", "地毯"), "charging_station": ("Charging station", "充电站"), "chemist": ("Drugstore", "日化"),
    "cinema": ("Cinema", "影院"), "clothes": ("Clothes", "服装"), "coffee": ("Coffee", "咖啡"),
    "company": ("Company", "公司"), "computer": ("Computers", "电脑"), "confectionery": ("Sweets", "糖果"),
    "convenience": ("Convenience store", "便利店"), "cosmetics": ("Cosmetics", "化妆品"), "craft": ("Craft supplies", "手工材料"),
    "deli": ("Delicatessen", "熟食"), "department_store": ("Department store", "百货"), "dessert": ("Desserts", "甜品"),
    "dry_cleaning": ("Dry cleaning", "干洗"), "electronics": ("Electronics", "数码电器"), "fabric": ("Fabrics", "布料"),
    "fast_food": ("Fast food", "快餐"), "fitness_centre": ("Gym", "健身房"), "florist": ("Florist", "花店"),
    "funeral_directors": ("Funeral directors", "殡葬"), "furniture": ("Furniture", "家具"), "gallery": ("Gallery", "画廊"),
    "garden": ("Garden", "花园"), "gift": ("Gifts", "礼品"), "greengrocer": ("Greengrocer", "果蔬"),
    "hairdresser": ("Hairdresser", "理发"), "hardware": ("Hardware", "五金"), "hostel": ("Hostel", "青年旅舍"),
    "hotel": ("Hotel", "酒店"), "ice_cream": ("Ice cream", "冰淇淋"), "interior_decoration": ("Interior decoration", "家居饰品"),
    "jewelry": ("Jewellery", "珠宝首饰"), "jeweller": ("Jeweller", "珠宝工坊"), "karaoke_box": ("Karaoke", "KTV"),
    "kiosk": ("Kiosk", "小卖部"), "kitchen": ("Kitchens", "厨房用品"), "laundry": ("Laundry", "洗衣"),
    "mall": ("Mall", "商场"), "marketplace": ("Market", "市场"), "massage": ("Massage", "按摩"),
    "mobile_phone": ("Mobile phones", "手机"), "museum": ("Museum", "博物馆"), "musical_instrument": ("Instruments", "乐器"),
    "nightclub": ("Night club", "夜店"), "optician": ("Optician", "眼镜"), "outdoor": ("Outdoor", "户外用品"),
    "parking": ("Parking", "停车"), "perfumery": ("Perfumery", "香水"), "pharmacy": ("Pharmacy", "药店"),
    "photo": ("Photo", "摄影"), "place_of_worship": ("Place of worship", "宗教场所"), "post_office": ("Post office", "邮局"),
    "pub": ("Pub", "酒馆"), "restaurant": ("Restaurant", "餐厅"), "seafood": ("Seafood", "海鲜"),
    "second_hand": ("Second hand", "二手"), "shoemaker": ("Shoemaker", "鞋匠"), "shoes": ("Shoes", "鞋店"),
    "sports": ("Sports", "运动用品"), "stationery": ("Stationery", "文具"), "supermarket": ("Supermarket", "超市"),
    "tailor": ("Tailor", "裁缝"), "tea": ("Tea", "茶"), "theatre": ("Theatre", "剧院"), "ticket": ("Tickets", "票务"),
    "tobacco": ("Tobacco", "烟草"), "toilets": ("Toilets", "洗手间"), "toys": ("Toys", "玩具"),
    "travel_agency": ("Travel agency", "旅行社"), "variety_store": ("Variety store", "杂货"),
    "video_games": ("Video games", "电子游戏"), "watches": ("Watches", "钟表"), "yes": ("Shop", "商店"),
}  # fmt: skip


def title(category: str, language: Language) -> str:
    """A category in a language; one that is not known, as the source writes it."""
    known = _TITLES.get(category)
    if known is None:
        return category.replace("_", " ").capitalize()
    return known[1] if language is Language.ZH else known[0]


def commonest(categories: Iterable[str], count: int) -> list[str]:
    """The categories of shops that most stores have, the most first."""
    counts = Counter(category for category in categories if category not in NOT_SHOPPING | {"yes", ""})
    return [category for category, _ in counts.most_common(count)]
