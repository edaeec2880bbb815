"""What trades are called, in both languages: OpenStreetMap's categories and those of our own districts."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

TITLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({
    "alcohol": ("Wine and spirits", "酒类"), "antiques": ("Antiques", "古董"), "art": ("Art", "艺术品"),
    "atm": ("Cash machine", "取款机"), "attraction": ("Sight", "景点"), "baby_goods": ("Baby goods", "母婴"),
    "bag": ("Bags", "箱包"), "bakery": ("Bakery", "面包店"), "bank": ("Bank", "银行"), "bar": ("Bar", "酒吧"), "beauty": ("Beauty", "美容"),
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
})  # fmt: skip
"""English and Chinese, by category."""

_EATING: Final = ("food", "eat", "meal", "lunch", "dinner", "吃饭", "吃", "美食", "饭")
_DRINKING: Final = ("drinks", "beer", "wine", "喝酒", "酒")
_ALSO: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "alcohol": ("wine", "beer", "liquor", "off-licence", "酒"), "atm": ("atm", "cash", "money", "取钱", "提款机"),
    "bakery": ("bread", "cakes", "pastry", "面包", "蛋糕", "糕点", "烘焙"), "bank": ("money", "取钱"),
    "bar": (*_DRINKING, "cocktails"), "beauty": ("nails", "cosmetics", "spa", "美甲", "护肤"), "bag": ("handbags", "luggage", "包", "行李箱"),
    "bicycle": ("bike", "cycles", "单车"), "books": ("bookshop", "bookstore", "书", "图书"),
    "cafe": ("coffee", "espresso", "tea", "咖啡店", "咖啡厅", "茶饮", "下午茶"),
    "chemist": ("toiletries", "药妆", "日用品"), "cinema": ("movies", "films", "电影", "电影院", "影城"),
    "clothes": ("clothing", "fashion", "apparel", "dress", "衣服", "服饰", "女装", "男装", "童装"),
    "coffee": ("cafe", "espresso", "咖啡馆", "咖啡店", "咖啡厅"), "computer": ("laptop", "pc", "计算机"),
    "confectionery": ("candy", "chocolate", "巧克力", "零食"), "convenience": ("groceries", "corner shop", "小超市", "士多"),
    "cosmetics": ("makeup", "make-up", "skin care", "美妆", "护肤"), "deli": ("food",),
    "department_store": ("shopping centre", "百货商店", "商场"), "dessert": ("sweets", "cakes", "甜点", "糖水"),
    "electronics": ("appliances", "gadgets", "电器", "家电", "数码"), "fast_food": (*_EATING, "burger", "takeaway", "snack", "小吃", "汉堡", "外卖"),
    "fitness_centre": ("fitness", "sport", "健身"), "florist": ("flowers", "花", "鲜花"), "furniture": ("home", "家居", "家私"),
    "gift": ("souvenirs", "presents", "纪念品", "文创"), "greengrocer": ("fruit", "vegetables", "水果", "蔬菜", "生鲜"),
    "hairdresser": ("haircut", "barber", "salon", "美发", "剪发", "发廊", "造型"), "hardware": ("tools", "diy", "工具"),
    "hostel": ("sleep", "住宿"), "hotel": ("sleep", "rooms", "住宿", "宾馆", "旅馆"), "ice_cream": ("gelato", "雪糕"),
    "jewelry": ("jewelry", "jeweller", "rings", "gold", "珠宝", "首饰", "黄金"), "jeweller": ("jewelry", "rings", "gold", "首饰"),
    "karaoke_box": ("ktv", "唱歌", "卡拉OK"), "kiosk": ("newsagent", "报刊亭"), "mall": ("shopping centre", "购物中心"),
    "massage": ("spa", "足浴", "足疗"), "mobile_phone": ("cell phone", "telephone", "smartphone", "电话", "数码"),
    "optician": ("glasses", "eyewear", "spectacles", "眼镜店"), "perfumery": ("perfume", "fragrance", "香氛"),
    "pharmacy": ("chemist", "drugstore", "medicine", "drugs", "药", "药房", "药品", "医药"),
    "photo": ("camera", "pictures", "照相", "相机"), "post_office": ("mail", "stamps", "parcel", "快递", "邮政"),
    "pub": (*_DRINKING, "bar", "酒吧"), "restaurant": (*_EATING, "dining", "饭店", "饭馆", "餐馆", "火锅", "面馆"),
    "seafood": ("fish", "鱼"), "second_hand": ("used", "vintage", "thrift", "旧货", "中古"), "shoemaker": ("shoe repair", "cobbler", "修鞋"),
    "shoes": ("footwear", "sneakers", "鞋", "鞋子", "鞋履"), "sports": ("sportswear", "运动", "体育"), "stationery": ("pens", "paper", "办公用品"),
    "supermarket": ("groceries", "grocery", "food", "超级市场", "买菜", "生鲜"), "tea": ("茶叶", "茶馆", "茶饮"),
    "theatre": ("theater", "stage", "剧场"), "tobacco": ("cigarettes", "香烟"), "toilets": ("wc", "restroom", "bathroom", "厕所", "卫生间"),
    "toys": ("games", "玩具店", "童趣"), "travel_agency": ("travel", "tours", "旅游"), "variety_store": ("discount", "百货", "小商品"),
    "video_games": ("gaming", "游戏"), "watches": ("clocks", "手表"),
})  # fmt: skip
"""What people ask for when they mean a trade. Not translations: words that should find it."""

_SAYING_NOTHING: Final = frozenset({"and", "of", "store", "shop", "shops", "yes", "商店"})


def words_of(category: str) -> frozenset[str]:
    """The words, in both languages, that find stores of a category; of one that is not known, its own."""
    texts: Iterable[str] = (category.replace("_", " "), *TITLES.get(category, ()), *_ALSO.get(category, ()))
    return frozenset(word for text in texts for word in text.casefold().split()) - _SAYING_NOTHING
